import assert from "node:assert/strict";
import test from "node:test";

import { DEMO_DEV_VARS, gatewayConfigError, ownProvider, parseDevVars, providerVars, withGatewayKey } from "../../scripts/lib/dev-vars.mjs";

const CATALOG = `
[[provider]]
id = "groq"
key_vars = ["GROQ_API_KEY"]
base_url_var = "GROQ_BASE_URL"

[[provider]]
id = "gemini"
key_vars = [
  "GEMINI_API_KEY",
  "GOOGLE_API_KEY",
]
base_url_var = "GEMINI_BASE_URL"
key = "required"

[[provider]]
id = "vllm"
key_vars = ["VLLM_API_KEY"]
base_url_var = "VLLM_BASE_URL"
# A key is needed only by some.
key = "optional"
`;

test("dev vars are read with quotes, comments, spaces and JSON", () => {
  const text = `# a comment\nGROQ_API_KEY=gsk_1 # a trailing one\nexport A="b # c"\nEMPTY=\nGATEWAY_CONFIG='{"providers":{"x":{}}}'\r\nSPACED = yes\n`;
  assert.deepEqual({ ...parseDevVars(text) }, {
    GROQ_API_KEY: "gsk_1",
    A: "b # c",
    EMPTY: "",
    GATEWAY_CONFIG: '{"providers":{"x":{}}}',
    SPACED: "yes",
  });
});

test("the catalogue names the providers' variables, on one line or several", () => {
  assert.deepEqual(providerVars(CATALOG), {
    keys: ["GROQ_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "VLLM_API_KEY"],
    baseUrls: ["VLLM_BASE_URL"],
  });
  assert.deepEqual(providerVars(""), { keys: [], baseUrls: [] });
});

test("a key, the base URL of a keyless one or configured providers are a provider of one's own; all else is none", () => {
  const names = providerVars(CATALOG);
  assert.equal(ownProvider({ GOOGLE_API_KEY: "k" }, names), "GOOGLE_API_KEY");
  assert.equal(ownProvider({ VLLM_BASE_URL: "http://127.0.0.1:1/v1" }, names), "VLLM_BASE_URL");
  assert.equal(ownProvider({ GROQ_BASE_URL: "http://127.0.0.1:1/v1" }, names), null, "it still lacks its key");
  assert.equal(ownProvider({ GATEWAY_CONFIG: '{"providers":{"x":{}}}' }, names), "GATEWAY_CONFIG");
  assert.equal(ownProvider({ GATEWAY_CONFIG: '{"aliases":{}}' }, names), null);
  assert.equal(ownProvider({ GROQ_API_KEY: "", GATEWAY_DEMO: "1" }, names), null);
});

test("the first file of a clone switches the demo on and no provider", () => {
  const vars = parseDevVars(DEMO_DEV_VARS);
  assert.deepEqual({ ...vars }, { GATEWAY_DEMO: "1", DEFAULT_PROJECT_ID: "demo" });
  assert.equal(ownProvider(vars, providerVars(CATALOG)), null);
});

test("a file without a project gets one with its key, so that the first request need not name one", () => {
  const after = withGatewayKey("GROQ_API_KEY=gsk_1\n", "og-1", { hasProject: false });
  assert.deepEqual({ ...parseDevVars(after) }, { GROQ_API_KEY: "gsk_1", GATEWAY_API_KEY: "og-1", DEFAULT_PROJECT_ID: "demo" });
});

test("with a provider the demo line goes, a key comes, and all else stays", () => {
  const text = `${DEMO_DEV_VARS}GROQ_API_KEY=gsk_1`;
  const after = withGatewayKey(text, "og-1", { hasProject: true });
  assert.deepEqual({ ...parseDevVars(after) }, { DEFAULT_PROJECT_ID: "demo", GROQ_API_KEY: "gsk_1", GATEWAY_API_KEY: "og-1" });
  for (const line of text.split("\n").filter((line) => !line.startsWith("GATEWAY_DEMO"))) assert.ok(after.includes(line), line);
});

test("a demo line that a person wrote stays", () => {
  assert.equal(parseDevVars(withGatewayKey("GATEWAY_DEMO=1\n", "og-1", { hasProject: true })).GATEWAY_DEMO, "1");
});

test("a broken GATEWAY_CONFIG is told by name", () => {
  assert.match(gatewayConfigError({ GATEWAY_CONFIG: "{" }), /^GATEWAY_CONFIG is not valid JSON: /);
  assert.equal(gatewayConfigError({ GATEWAY_CONFIG: "{}" }), null);
  assert.equal(gatewayConfigError({}), null);
});
