// LangChain's `ChatOpenAI`, with tools bound to it, and an answer's message as the next turn of the conversation.

import { HumanMessage, SystemMessage, ToolMessage } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { ChatOpenAI } from '@langchain/openai';
import { GATEWAY_KEY } from '../harness/gateway.mjs';
import { emptyStep } from './step.mjs';

export const langchain = {
  name: 'LangChain',
  /** It keeps neither thoughts nor signatures. */
  returnsThoughts: () => false,

  async converse(url, { system, question, tools = {}, effort, schema, stream, model, ...fields }) {
    const chat = new ChatOpenAI({
      model,
      apiKey: GATEWAY_KEY,
      configuration: { baseURL: `${url}/v1` },
      maxRetries: 0,
      useResponsesApi: false,
      // Of reasoning it knows OpenAI's own models only, by their names.
      modelKwargs: { ...fields, ...(effort ? { reasoning_effort: effort } : {}) },
      // It has no place for `reasoning` but the reply as it came.
      __includeRawResponse: true,
    });
    const messages = [...(system ? [new SystemMessage(system)] : []), new HumanMessage({ content: question.map(part) })];
    if (schema) return structured(chat.withStructuredOutput(schema, { method: 'jsonSchema', name: 'answer', strict: true }), messages, stream);
    const bound = Object.keys(tools).length > 0 ? chat.bindTools(Object.entries(tools).map(definition), { strict: true }) : chat;
    const steps = [];
    for (;;) {
      const step = emptyStep();
      steps.push(step);
      let message;
      try {
        message = await (stream ? streamed(bound, messages, step) : bound.invoke(messages));
      } catch (error) {
        return { steps, error };
      }
      step.text = message.text;
      step.reasoning ||= reasoningOf(message);
      step.calls = message.tool_calls.map(({ id, name, args }) => ({ id, name, input: args }));
      step.finish = message.response_metadata.finish_reason;
      const usage = message.usage_metadata;
      step.usage = { input: usage?.input_tokens, output: usage?.output_tokens, reasoning: usage?.output_token_details?.reasoning };
      if (step.calls.length === 0) return { steps };
      messages.push(message, ...step.calls.map(({ id, name, input }) => new ToolMessage({ tool_call_id: id, content: tools[name].run(input) })));
    }
  },
};

async function structured(chat, messages, stream) {
  const step = emptyStep();
  try {
    if (!stream) step.object = await chat.invoke(messages);
    else for await (const object of await chat.stream(messages)) step.object = object;
    return { steps: [step] };
  } catch (error) {
    return { steps: [step], error };
  }
}

async function streamed(chat, messages, step) {
  let whole;
  for await (const chunk of await chat.stream(messages)) {
    step.text += chunk.text;
    step.reasoning += reasoningOf(chunk);
    // Raw replies cannot be added up.
    delete chunk.additional_kwargs.__raw_response;
    whole = whole === undefined ? chunk : whole.concat(chunk);
  }
  return whole;
}

function reasoningOf({ additional_kwargs }) {
  const choice = additional_kwargs.__raw_response?.choices?.[0];
  return (choice?.delta ?? choice?.message)?.reasoning ?? '';
}

const part = ({ text, image }) => (image ? { type: 'image_url', image_url: { url: image } } : { type: 'text', text });
const definition = ([name, { description, parameters, run }]) => tool(run, { name, description, schema: parameters });
