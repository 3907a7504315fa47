import assert from "node:assert/strict";
import test from "node:test";

import { snippets } from "../../scripts/lib/snippets.mjs";

const text = (projectId) => snippets({ baseUrl: "http://127.0.0.1:8787/v1", apiKey: "og-1", model: "auto", projectId });
const bodies = (printed) => [...printed.matchAll(/-d '([^']*)'/g)].map((match) => JSON.parse(match[1]));

test("the printed commands hold valid JSON, one plain and one streamed", () => {
  assert.deepEqual(bodies(text(null)).map((body) => [body.model, body.stream, body.project_id]), [["auto", undefined, undefined], ["auto", true, undefined]]);
});

test("without a default project the snippets name one", () => {
  assert.ok(bodies(text("demo")).every((body) => body.project_id === "demo"));
  assert.match(text("demo"), /project: "demo"/);
  assert.match(text("demo"), /project="demo"/);
});
