import assert from "node:assert/strict";
import test from "node:test";

import { DURABLE_OBJECTS, refusals } from "../../scripts/lib/deploy-rules.mjs";
import { readWranglerConfig } from "../../scripts/lib/wrangler.mjs";

const READY = {
  vars: {},
  d1_databases: [{ binding: "DB", database_id: "5e0d3b8a-6f0c-4c3e-9a53-0f3c7f6f9d11" }],
  durable_objects: { bindings: Object.entries(DURABLE_OBJECTS).map(([name, class_name]) => ({ name, class_name })) },
  migrations: [{ tag: "v1", new_sqlite_classes: Object.values(DURABLE_OBJECTS) }],
};
const reasonsFor = (config, secretNames = []) => refusals({ config: { ...READY, ...config }, secretNames });

test("a configuration that is ready is not refused", () => {
  assert.deepEqual(reasonsFor({}, ["GATEWAY_API_KEY", "GROQ_API_KEY"]), []);
});

test("the demo is never deployed, neither from wrangler.toml nor as a secret", () => {
  assert.match(reasonsFor({ vars: { GATEWAY_DEMO: "1" } })[0], /GATEWAY_DEMO is set in wrangler.toml/);
  assert.match(reasonsFor({}, ["GATEWAY_DEMO"])[0], /GATEWAY_DEMO is a secret/);
});

test("keys in the open are refused", () => {
  assert.match(reasonsFor({ vars: { GROQ_API_KEY: "gsk_1" } })[0], /GROQ_API_KEY is set in wrangler.toml/);
});

test("a placeholder or missing database id is refused", () => {
  for (const id of ["00000000-0000-0000-0000-000000000000", "", undefined]) {
    assert.match(reasonsFor({ d1_databases: [{ binding: "DB", database_id: id }] })[0], /still the placeholder/);
  }
});

test("a missing Durable Object is refused: its binding, its class, its storage", () => {
  assert.match(reasonsFor({ durable_objects: undefined })[0], /no binding LEDGER of the class LedgerObject/);
  const wrong = { bindings: [{ name: "LEDGER", class_name: "Ledger" }] };
  assert.match(reasonsFor({ durable_objects: wrong })[0], /no binding LEDGER of the class LedgerObject/);
  assert.match(reasonsFor({ migrations: undefined })[0], /LedgerObject in new_sqlite_classes/);
  assert.match(reasonsFor({ migrations: [{ tag: "v1", new_classes: ["LedgerObject"] }] })[0], /LedgerObject in new_sqlite_classes/);
});

test("a broken GATEWAY_CONFIG is refused", () => {
  assert.match(reasonsFor({ vars: { GATEWAY_CONFIG: "{" } })[0], /not valid JSON/);
});

test("the repository's own wrangler.toml lacks a database id and nothing else", async () => {
  const reasons = refusals({ config: await readWranglerConfig(), secretNames: [] });
  assert.ok(reasons.every((reason) => reason.includes("database_id")), reasons.join("\n"));
});
