// The Vercel AI SDK with `@ai-sdk/openai-compatible`: it calls the tools and goes on by itself.

import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, jsonSchema, Output, stepCountIs, streamText, tool } from 'ai';
import { GATEWAY_KEY } from '../harness/gateway.mjs';
import { emptyStep } from './step.mjs';

/** More than any case takes. */
const MAX_STEPS = 6;
const FINISH = { 'tool-calls': 'tool_calls', 'content-filter': 'content_filter' };

export const vercel = {
  name: 'the Vercel AI SDK',
  /** It sends their text as `reasoning_content`, and no signatures. */
  returnsThoughts: () => false,

  async converse(url, { system, question, tools = {}, effort, schema, stream, model, ...fields }) {
    const gateway = createOpenAICompatible({
      name: 'gateway', baseURL: `${url}/v1`, apiKey: GATEWAY_KEY, includeUsage: true, supportsStructuredOutputs: true,
      supportedUrls: () => ({ 'image/*': [/^https:/] }),
    });
    const request = {
      model: gateway.chatModel(model),
      ...(system ? { instructions: system } : {}),
      messages: [{ role: 'user', content: question.map(part) }],
      maxRetries: 0,
      tools: Object.fromEntries(Object.entries(tools).map(([name, { description, parameters, run }]) =>
        [name, tool({ description, inputSchema: jsonSchema(parameters), execute: run })])),
      stopWhen: stepCountIs(MAX_STEPS),
      providerOptions: { gateway: { ...fields, ...(effort ? { reasoningEffort: effort } : {}) } },
      ...(schema ? { output: Output.object({ schema: jsonSchema(schema) }) } : {}),
    };
    if (stream) return streamed(request);
    try {
      const result = await generateText(request);
      const steps = result.steps.map(toStep);
      if (schema) steps.at(-1).object = result.output;
      return { steps };
    } catch (error) {
      return { steps: [emptyStep()], error };
    }
  },
};

async function streamed(request) {
  const errors = [];
  const result = streamText({ ...request, onError: ({ error }) => errors.push(error) });
  const said = emptyStep();
  for await (const part of result.fullStream) {
    if (part.type === 'text-delta') said.text += part.text;
    if (part.type === 'reasoning-delta') said.reasoning += part.text;
  }
  if (errors.length > 0) return { steps: [said], error: errors[0] };
  const steps = (await result.steps).map(toStep);
  if (request.output) steps.at(-1).object = await result.output;
  return { steps };
}

function toStep({ text, reasoningText, toolCalls, finishReason, usage }) {
  return {
    ...emptyStep(),
    text,
    reasoning: reasoningText ?? '',
    calls: toolCalls.map(({ toolCallId, toolName, input }) => ({ id: toolCallId, name: toolName, input })),
    finish: FINISH[finishReason] ?? finishReason,
    usage: { input: usage.inputTokens, output: usage.outputTokens, reasoning: usage.outputTokenDetails?.reasoningTokens },
  };
}

const part = ({ text, image }) =>
  image ? { type: 'image', image: image.startsWith('data:') ? image : new URL(image) } : { type: 'text', text };
