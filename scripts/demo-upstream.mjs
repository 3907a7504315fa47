// A stand-in for a provider, so that the first `curl` gets an answer without any key. It speaks OpenAI's format on
// loopback, streamed and not, says in every answer that it is no model, and repeats what it was told. It takes tools
// and pictures and makes nothing of them.
import { createServer } from "node:http";

/** As the gateway's configuration names it: `demo/demo-echo`. */
export const DEMO_PROVIDER = "demo";
export const DEMO_MODEL = "demo-echo";

const MAX_BODY_BYTES = 20_000_000;
/** Slow enough to see that it streams. */
const MS_BETWEEN_CHUNKS = 30;

/** The text of a message, whose content is a string or a list of parts. */
const textOf = ({ content }) =>
  typeof content === "string" ? content : (content ?? []).map((part) => part.text ?? "").join(" ").trim();

function answerTo(messages) {
  const said = textOf(messages.findLast((message) => message.role === "user") ?? {});
  return `This is opengateway's demo upstream, not a language model. You said: "${said.slice(0, 500)}". ` +
    "For real answers, put a provider's key into .dev.vars (for example GROQ_API_KEY=...) and run `npm start` again.";
}

/** Roughly four characters a token, the usual rule of thumb. */
const tokensOf = (text) => Math.ceil(text.length / 4);

function usageOf(messages, answer) {
  const prompt = messages.reduce((sum, message) => sum + tokensOf(textOf(message)), 0);
  const completion = tokensOf(answer);
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
}

function sendJson(response, status, body) {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

const sendError = (response, status, message) =>
  sendJson(response, status, { error: { message, type: "invalid_request_error", param: null, code: null } });

async function readBody(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new RangeError("the body is too large");
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString("utf8"));
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function stream(response, head, answer, usage) {
  const send = (choices, extra = {}) =>
    response.write(`data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", choices, ...extra })}\n\n`);
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  send([{ index: 0, delta: { role: "assistant", content: "" }, finish_reason: null }]);
  for (const word of answer.split(/(?<= )/)) {
    if (response.destroyed) return;
    send([{ index: 0, delta: { content: word }, finish_reason: null }]);
    await pause(MS_BETWEEN_CHUNKS);
  }
  send([{ index: 0, delta: {}, finish_reason: "stop" }]);
  if (usage) send([], { usage });
  response.end("data: [DONE]\n\n");
}

async function complete(request, response) {
  let body;
  try {
    body = await readBody(request);
  } catch (error) {
    return sendError(response, 400, `The body is not JSON: ${error.message}`);
  }
  if (!Array.isArray(body?.messages)) return sendError(response, 400, "`messages` must be a list.");
  const text = answerTo(body.messages);
  const answer = body.response_format?.type === "json_object" ? JSON.stringify({ demo: text }) : text;
  const usage = usageOf(body.messages, answer);
  const head = { id: `chatcmpl-demo-${Date.now()}`, created: Math.floor(Date.now() / 1000), model: body.model ?? DEMO_MODEL };
  if (body.stream) return stream(response, head, answer, body.stream_options?.include_usage ? usage : null);
  const message = { role: "assistant", content: answer };
  sendJson(response, 200, { ...head, object: "chat.completion", choices: [{ index: 0, message, finish_reason: "stop" }], usage });
}

/** A provider's row for GATEWAY_CONFIG, for a demo upstream on `port`. */
export function demoGatewayConfig(port) {
  return {
    providers: {
      [DEMO_PROVIDER]: {
        dialect: "openai",
        base_url: `http://127.0.0.1:${port}/v1`,
        open: true,
        models: [{
          id: DEMO_MODEL,
          upstream_id: DEMO_MODEL,
          context_window: 128_000,
          max_output: 4_096,
          input_usd_per_mtok: 0,
          output_usd_per_mtok: 0,
          capabilities: ["tools", "json_object", "vision"],
          reasoning_level: "low",
          free: true,
        }],
      },
    },
  };
}

/** Listens on a free loopback port; resolves to the server. */
export function startDemoUpstream() {
  const server = createServer((request, response) => {
    const path = request.url.split("?")[0];
    if (request.method === "GET" && path === "/v1/models") {
      return sendJson(response, 200, { object: "list", data: [{ id: DEMO_MODEL, object: "model", created: 0, owned_by: "opengateway" }] });
    }
    if (request.method === "POST" && path === "/v1/chat/completions") {
      return complete(request, response).catch(() => response.destroy());
    }
    sendError(response, 404, `There is no ${request.method} ${path} here.`);
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve(server));
  });
}
