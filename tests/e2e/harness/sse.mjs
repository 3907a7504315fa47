// Reads a whole event stream the way a strict client would, for assertions on what was said in it.

/**
 * The standard's algorithm: a line ends with LF, CR or CRLF, an event with a blank line, and what stands without one at the
 * end is none.
 * @returns the `data` of each event, multi-line ones joined by a newline, comments left out.
 */
export function dataOf(text) {
  const events = [];
  let lines = [];
  for (const line of text.replace(/^\ufeff/, '').split(/\r\n|\n|\r/).slice(0, -1)) {
    if (line !== '') {
      const value = /^data(?:$|: ?(.*))/s.exec(line);
      if (value) lines.push(value[1] ?? '');
    } else {
      if (lines.length > 0) events.push(lines.join('\n'));
      lines = [];
    }
  }
  return events;
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
