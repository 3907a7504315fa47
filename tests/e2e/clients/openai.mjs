// The OpenAI Node SDK, used as its README shows it: an answer's message goes back into the conversation as it came.

import OpenAI from 'openai';
import { GATEWAY_KEY } from '../harness/gateway.mjs';
import { emptyStep } from './step.mjs';

export const openai = {
  name: 'the OpenAI SDK',
  /** A whole message keeps what OpenAI does not know; the streaming helper keeps the last piece of it only. */
  returnsThoughts: ({ stream }) => !stream,

  /** Asks, and goes on until no tool is called any more. See `step.mjs` for the request and for what is returned. */
  async converse(url, { system, question, tools = {}, effort, schema, stream, ...fields }) {
    const { chat: { completions } } = new OpenAI({ apiKey: GATEWAY_KEY, baseURL: `${url}/v1`, maxRetries: 0 });
    const messages = [...(system ? [{ role: 'system', content: system }] : []), { role: 'user', content: question.map(part) }];
    const request = {
      ...fields,
      messages,
      ...(Object.keys(tools).length > 0 ? { tools: Object.entries(tools).map(definition) } : {}),
      ...(effort ? { reasoning_effort: effort } : {}),
      ...(schema ? { response_format: { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema } } } : {}),
    };
    const steps = [];
    for (;;) {
      const step = emptyStep();
      steps.push(step);
      let completion;
      try {
        completion = await (stream ? streamed(completions, request, step) : completions.parse(request));
      } catch (error) {
        return { steps, error };
      }
      const { choices: [{ message, finish_reason }], usage } = completion;
      step.text = message.content ?? '';
      step.reasoning ||= message.reasoning ?? '';
      step.calls = (message.tool_calls ?? []).map(({ id, function: { name, arguments: input } }) => ({ id, name, input: JSON.parse(input) }));
      step.finish = finish_reason;
      step.object = message.parsed ?? undefined;
      step.images = message.images ?? [];
      step.usage = {
        input: usage?.prompt_tokens, output: usage?.completion_tokens, reasoning: usage?.completion_tokens_details?.reasoning_tokens,
      };
      if (step.calls.length === 0) return { steps };
      messages.push(message, ...step.calls.map(({ id, name, input }) => ({ role: 'tool', tool_call_id: id, content: tools[name].run(input) })));
    }
  },
};

async function streamed(completions, request, step) {
  const stream = completions.stream({ ...request, stream_options: { include_usage: true } });
  for await (const { choices: [choice] } of stream) {
    step.text += choice?.delta.content ?? '';
    step.reasoning += choice?.delta.reasoning ?? '';
    step.finish ??= choice?.finish_reason ?? undefined;
  }
  return stream.finalChatCompletion();
}

const part = ({ text, image }) => (image ? { type: 'image_url', image_url: { url: image } } : { type: 'text', text });
const definition = ([name, { description, parameters }]) => ({ type: 'function', function: { name, description, parameters, strict: true } });
