import assert from "node:assert/strict";
import test from "node:test";

import { demoGatewayConfig, startDemoUpstream } from "../../scripts/demo-upstream.mjs";

async function withDemo(body) {
  const server = await startDemoUpstream();
  try {
    const { base_url: baseUrl } = demoGatewayConfig(server.address().port).providers.demo;
    assert.equal(server.address().address, "127.0.0.1");
    await body(baseUrl, (request) =>
      fetch(`${baseUrl}/chat/completions`, { method: "POST", body: typeof request === "string" ? request : JSON.stringify(request) }));
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const messages = [{ role: "user", content: "first" }, { role: "user", content: [{ type: "text", text: "Hello there" }] }];

test("the demo answers in OpenAI's shape, says what it is and repeats the last words", () =>
  withDemo(async (_, ask) => {
    const reply = await (await ask({ model: "demo-echo", messages })).json();
    const [choice] = reply.choices;
    assert.equal(reply.object, "chat.completion");
    assert.equal(choice.finish_reason, "stop");
    assert.match(choice.message.content, /demo upstream, not a language model.*"Hello there".*API_KEY/);
    assert.equal(reply.usage.total_tokens, reply.usage.prompt_tokens + reply.usage.completion_tokens);
  }));

test("the demo streams the same text, with usage only when asked, and [DONE] last", () =>
  withDemo(async (_, ask) => {
    const whole = await (await ask({ messages })).json();
    for (const include_usage of [true, false]) {
      const text = await (await ask({ messages, stream: true, stream_options: { include_usage } })).text();
      const events = text.trim().split("\n\n").map((event) => event.replace(/^data: /, ""));
      assert.equal(events.pop(), "[DONE]");
      const chunks = events.map((event) => JSON.parse(event));
      assert.equal(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join(""), whole.choices[0].message.content);
      assert.equal(chunks.filter((chunk) => chunk.usage).length, include_usage ? 1 : 0);
      assert.ok(chunks.some((chunk) => chunk.choices[0]?.finish_reason === "stop"));
    }
  }));

test("in JSON mode the demo answers an object", () =>
  withDemo(async (_, ask) => {
    const reply = await (await ask({ messages, response_format: { type: "json_object" } })).json();
    assert.match(JSON.parse(reply.choices[0].message.content).demo, /demo upstream/);
  }));

test("the demo lists its model and refuses what it does not understand", () =>
  withDemo(async (baseUrl, ask) => {
    assert.equal((await (await fetch(`${baseUrl}/models`)).json()).data[0].id, "demo-echo");
    assert.equal((await ask("{")).status, 400);
    assert.equal((await ask({ messages: "no" })).status, 400);
    assert.equal((await fetch(`${baseUrl}/nothing`)).status, 404);
  }));
