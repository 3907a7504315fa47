// Reads a whole event stream the way a strict client would, for assertions on what was said in it.

/** @returns the `data` of each event, multi-line ones joined by a newline, comments left out. */
export function dataOf(text) {
  return text
    .replaceAll('\r\n', '\n')
    .split('\n\n')
    .map((block) => block.split('\n').filter((line) => line.startsWith('data:')).map((line) => line.slice(5).replace(/^ /, '')))
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'));
}

/** @returns what a stream said: its chunks, text, reasoning, finish reasons, usage, error and how often `[DONE]` came. */
export function readStream(text) {
  const all = dataOf(text);
  const json = all.filter((data) => data !== '[DONE]').map((data) => JSON.parse(data));
  const chunks = json.filter((chunk) => chunk.error === undefined);
  const choices = chunks.flatMap((chunk) => chunk.choices);
  return {
    chunks,
    content: choices.map((choice) => choice.delta?.content ?? '').join(''),
    reasoning: choices.map((choice) => choice.delta?.reasoning ?? '').join(''),
    finishReasons: choices.map((choice) => choice.finish_reason).filter(Boolean),
    usage: chunks.find((chunk) => chunk.usage)?.usage,
    error: json.find((chunk) => chunk.error !== undefined)?.error,
    dones: all.filter((data) => data === '[DONE]').length,
    last: all.at(-1),
  };
}
