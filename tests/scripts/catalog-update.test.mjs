// The refresh of the catalogue from models.dev. tests/fixtures/models-dev.json was made by hand in the form that
// packages/core/src/schema.ts of github.com/anomalyco/models.dev gives for api.json.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import test from "node:test";

import { decimalText, millionths } from "../../scripts/lib/catalog/decimal.mjs";
import { readModels } from "../../scripts/lib/catalog/rows.mjs";
import { PROVIDERS } from "../../scripts/lib/catalog/sources.mjs";
import { readToml } from "../../scripts/lib/catalog/toml.mjs";
import { update } from "../../scripts/lib/catalog/update.mjs";
import { inRoot } from "../../scripts/lib/paths.mjs";
import { Failure } from "../../scripts/lib/processes.mjs";

const DATA = JSON.parse(readFileSync(inRoot("tests", "fixtures", "models-dev.json"), "utf8"));
const DAY = "2026-11-22";
const [GROQ_PATH, XAI_PATH, ALIASES_PATH] = ["catalog/models/groq.toml", "catalog/models/xai.toml", "catalog/aliases.toml"];

// As the data set has them, in a form that only a person writes.
const GROQ = `# Figures: somewhere.

provider = "groq"

# 0.15/0.6 (here) against 0.1/0.5 (there).
[[model]]
id = "gpt-oss-120b"
upstream_id = "openai/gpt-oss-120b"   # theirs
context_window = 131072
max_output = 65536
price = { input = 0.15, output = 0.60, cached_input = 0.075, search = 0.005 }
capabilities = [
  "tools", "json_object",  # seen to work
  "json_schema", "reasoning",
]
efforts = ["low", "medium", "high"]
reasoning_level = "high"
free = true
drops = ["logprobs"]

[[model]]
id = "llama-3.1-8b"
upstream_id = "llama-3.1-8b-instant"
context_window = 131072
max_output = 131072
price = { input = 0.05, output = 0.08 }
capabilities = ["tools", "json_object"]
reasoning_level = "low"
`;
const XAI = `provider = "xai"

[[model]]
id = "grok-4.3"
context_window = 1000000
max_output = 30000
price = { input = 1.25, output = 2.5, cached_input = 0.2 }
price_tiers = [{ above = 199999, input = 2.5, output = 5, cached_input = 0.4 }]
capabilities = ["tools", "json_object", "json_schema", "vision", "reasoning"]
efforts = ["none", "low", "medium", "high"]
reasoning_level = "high"
`;
const ALIASES = `[aliases]
"gpt-oss" = "gpt-oss-120b"
"grok-4" = "xai/grok-4.3"  # by its maker

# Gone.
[retired]
"grok-1" = "2025-01-31"
`;

/** The fixture without its newest models, so that there is nothing to do, and `change` made to it. */
function dataSet(change = () => {}) {
  const data = structuredClone(DATA);
  for (const name of ["new/voice", "moonshotai/kimi-k4"]) delete data.groq.models[name];
  change(data);
  return JSON.stringify(data);
}

function refresh(dataSetText, { groq = GROQ, aliases = ALIASES, ...options } = {}) {
  const texts = new Map([[ALIASES_PATH, aliases], [GROQ_PATH, groq], [XAI_PATH, XAI]]);
  return update({ texts, dataSet: dataSetText, day: DAY, ...options });
}

const oss = (data) => data.groq.models["openai/gpt-oss-120b"];
const REFRESHED = `# Refreshed from models.dev on ${DAY}.\n`;

/** That nothing is changed, and why. */
function refused(dataSetText, reason, options) {
  assert.throws(() => refresh(dataSetText, options), (error) => error instanceof Failure && reason.test(error.message));
}

test("where nothing differs nothing changes, and the report says how many rows were compared", () => {
  const { texts, report } = refresh(dataSet());
  assert.equal(texts.size, 0);
  assert.equal(report, "groq: 2 rows, 0 changed, 0 new, 0 retired (1 older ones left out)\nxai: 1 rows, 0 changed, 0 new, 0 retired");
});

test("a changed figure is changed in its place, and every other byte of the file stays", () => {
  const { texts, report } = refresh(dataSet((data) => {
    Object.assign(oss(data).cost, { input: 0.14, cache_read: 0.07, cache_write: 0.2 });
    oss(data).limit.output = 200000;
    oss(data).structured_output = false;
    oss(data).reasoning_options[0].values = ["low", "high"];
    data.groq.models["llama-3.1-8b-instant"].cost.cache_read = 2.5e-2;
  }));
  const expected = GROQ
    .replace("input = 0.15, output = 0.60, cached_input = 0.075, search = 0.005", "input = 0.14, output = 0.60, cached_input = 0.07, search = 0.005, cache_write = 0.2")
    .replace("max_output = 65536", "max_output = 131072")
    .replace(/capabilities = \[\n[^\]]*\]/, 'capabilities = ["tools", "json_object", "reasoning"]')
    .replace('efforts = ["low", "medium", "high"]', 'efforts = ["low", "high"]')
    .replace("output = 0.08 }", "output = 0.08, cached_input = 0.025 }");
  assert.deepEqual([...texts.keys()], [GROQ_PATH]);
  assert.equal(texts.get(GROQ_PATH), REFRESHED + expected);
  assert.equal(report.split("\nxai")[0], `groq: 2 rows, 2 changed, 0 new, 0 retired (1 older ones left out)
  ~ openai/gpt-oss-120b
      max_output: 65536 -> 131072
      price.input: 0.15 -> 0.14
      price.cached_input: 0.075 -> 0.07
      price.cache_write: 0.175 -> 0.2
      capabilities: tools json_object json_schema reasoning -> -json_schema
      efforts: low medium high -> low high
      (the comment above the row may no longer be true)
  ~ llama-3.1-8b-instant
      price.cached_input: none -> 0.025`);
});

test("a second refresh on the same day changes nothing, and a later one replaces the line of the first", () => {
  const changed = dataSet((data) => { oss(data).cost.input = 0.14; });
  const first = refresh(changed).texts.get(GROQ_PATH);
  assert.equal(refresh(changed, { groq: first }).texts.size, 0);
  const later = refresh(dataSet(), { groq: first, day: "2026-12-24" }).texts.get(GROQ_PATH);
  assert.equal(later, first.replace("2026-11-22", "2026-12-24").replace("input = 0.14", "input = 0.15"));
});

test("tiers are written as the provider counts them, and only a cache write that is not the usual one", () => {
  const { texts } = refresh(dataSet((data) => {
    const tier = { type: "context", size: 128000 };
    oss(data).cost.cache_write = 0.1875;
    oss(data).cost.tiers = [{ input: 0.3, output: 1.2, cache_write: 0.375, tier }, { input: 1, output: 2, cache_write: 0.5, tier: { size: 64000 } }];
    data.xai.models["grok-4.3"].cost.tiers[0].input = 2.4;
  }));
  const price = /^price = .*\n/m.exec(GROQ)[0];
  const tiers = "price_tiers = [{ above = 64000, input = 1, output = 2, cache_write = 0.5 }, { above = 128000, input = 0.3, output = 1.2 }]\n";
  assert.equal(texts.get(GROQ_PATH), REFRESHED + GROQ.replace(price, price + tiers));
  assert.equal(texts.get(XAI_PATH), REFRESHED + XAI.replace("input = 2.5, output = 5,", "input = 2.4, output = 5,"));
});

test("a price that is more than ten times another is flagged and left, unless a person accepts it", () => {
  const jump = dataSet((data) => { Object.assign(oss(data).cost, { input: 1.51, output: 0.5 }); });
  const { texts, report } = refresh(jump);
  assert.equal(texts.size, 0);
  assert.match(report, /! openai\/gpt-oss-120b\n {4}! price.input 0.15 -> 1.51, price.output 0.6 -> 0.5: more than 10 times.*\(--accept groq\/openai\/gpt-oss-120b\)/);
  const accepted = refresh(jump, { accept: ["groq/openai/gpt-oss-120b"] }).texts.get(GROQ_PATH);
  assert.ok(accepted.includes("price = { input = 1.51, output = 0.5, cached_input"));
  const free = refresh(dataSet((data) => { oss(data).cost.input = 0; }));
  assert.equal(free.texts.size, 0);
  assert.match(free.report, /price.input 0.15 -> 0:/);
});

test("tiers that the data set no longer has are flagged and left, unless a person accepts it", () => {
  const without = dataSet((data) => {
    delete data.xai.models["grok-4.3"].cost.tiers;
    delete data.xai.models["grok-4.3"].cost.context_over_200k;
  });
  assert.equal(refresh(without).texts.size, 0);
  assert.match(refresh(without).report, /! they have no price_tiers; ours stay/);
  const accepted = refresh(without, { accept: ["xai/grok-4.3"] }).texts.get(XAI_PATH);
  assert.equal(accepted, REFRESHED + XAI.replace(/price_tiers.*\n/, ""));
  const old = refresh(dataSet((data) => { delete data.xai.models["grok-4.3"].cost.tiers; }));
  assert.match(old.report, /do not say from where on/, "the older form says 200k whatever the size is");
});

test("a new model is added with what is known of it, kept out of auto, and the rest is for a person to look at", () => {
  const { texts, report } = refresh(JSON.stringify(DATA));
  assert.equal(texts.get(GROQ_PATH), `${REFRESHED}${GROQ}
# New in models.dev, 2026-11-22. Look at capabilities, reasoning_level and what it refuses (drops); then let \`auto\` have it.
[[model]]
id = "kimi-k4"
upstream_id = "moonshotai/kimi-k4"
context_window = 262144
max_output = 262144
price = { input = 1, output = 3, cached_input = 0.5 }
capabilities = ["tools", "json_object", "json_schema", "vision", "reasoning"]
efforts = ["none", "low", "high"]
reasoning_level = "medium"
auto = false
`);
  assert.match(report, /\n {2}\+ moonshotai\/kimi-k4\n {6}id = "kimi-k4"\n/);
  assert.match(report, /new there, not added \(--add groq\/NAME\): new\/voice \(it is not for chat\)/);
});

test("an older model is added when it is named, under the id that others have for it", () => {
  const models = (data) => data.groq.models;
  const named = dataSet((data) => { models(data)["elsewhere/Grok-4.3"] = models(data)["old/left-out"]; });
  const { texts } = refresh(named, { add: ["groq/elsewhere/Grok-4.3"] });
  assert.match(texts.get(GROQ_PATH), /\nid = "grok-4.3"\nupstream_id = "elsewhere\/Grok-4.3"\n/);
  refused(dataSet(), /--add groq\/nope: the data set has no such model/, { add: ["groq/nope"] });
  refused(dataSet(), /--accept nope: the data set has no such model/, { accept: ["nope"] });
});

test("a model that nobody serves any more is taken out, and its names and aliases are listed as retired", () => {
  const { texts, report } = refresh(dataSet((data) => { delete data.groq.models["openai/gpt-oss-120b"]; }));
  const rest = GROQ.slice(GROQ.indexOf('[[model]]\nid = "llama'));
  assert.equal(texts.get(GROQ_PATH), `${REFRESHED}# Figures: somewhere.\n\nprovider = "groq"\n\n${rest}`);
  const names = ["gpt-oss-120b", "openai/gpt-oss-120b", "gpt-oss"];
  const lines = names.map((name) => `"${name}" = "${DAY}"\n`).join("");
  assert.equal(texts.get(ALIASES_PATH), ALIASES.replace('"gpt-oss" = "gpt-oss-120b"\n', "") + lines);
  assert.match(report, /\n {2}- openai\/gpt-oss-120b\n/);
  assert.match(report, /now under \[retired\]; name a successor under \[aliases\] where there is one: gpt-oss-120b, openai\/gpt-oss-120b, gpt-oss$/);
});

test("an alias with an effort goes and stays with its model like any other", () => {
  const mode = '"gpt-oss-low" = { model = "gpt-oss-120b", effort = "low" }\n';
  const aliases = ALIASES.replace('"gpt-oss" =', `${mode}"gpt-oss" =`);
  assert.equal(refresh(JSON.stringify(DATA), { aliases }).texts.get(ALIASES_PATH) ?? aliases, aliases);
  const gone = dataSet((data) => { delete data.groq.models["openai/gpt-oss-120b"]; });
  const text = refresh(gone, { aliases }).texts.get(ALIASES_PATH);
  assert.ok(!text.includes(mode) && text.includes(`"gpt-oss-low" = "${DAY}"\n`), text);
});

test("a model that another provider still serves keeps its id, and the name it had here leads there", () => {
  const groq = GROQ.replaceAll("llama-3.1-8b", "grok-4.3").replace("grok-4.3-instant", "llama-3.1-8b-instant");
  const gone = dataSet((data) => { delete data.groq.models["llama-3.1-8b-instant"]; });
  const { texts } = refresh(gone, { groq });
  assert.equal(texts.get(ALIASES_PATH), ALIASES.replace("# by its maker\n", '# by its maker\n"llama-3.1-8b-instant" = "grok-4.3"\n'));
});

test("a name that is a model again is no alias and not retired any more", () => {
  const aliases = ALIASES.replace("grok-1", "kimi-k4");
  const { texts, report } = refresh(JSON.stringify(DATA), { aliases });
  assert.equal(texts.get(ALIASES_PATH), aliases.replace('"kimi-k4" = "2025-01-31"\n', ""));
  assert.match(report, /models now, and no aliases or retired ones any more: kimi-k4$/);
});

test("a broken or strange data set changes nothing and says why", () => {
  refused("<!doctype html>", /^the data set is not JSON/);
  refused("[]", /^the data set is no object/);
  refused('{"groq":{"models":{}},"xai":{"models":{}}}', /^the data set has no models of "groq" \(groq here\)/);
  refused(dataSet((data) => { delete data.xai; }), /^the data set has no models of "xai"/);
  const broken = (change, reason) => refused(dataSet((data) => change(oss(data))), reason);
  broken((model) => { model.cost.input = "0.15"; }, /^groq\/openai\/gpt-oss-120b in the data set: cost.input is string, no price/);
  broken((model) => { model.cost.output = -1; }, /cost.output is -1, no price/);
  broken((model) => { model.cost.output = 0.0000001; }, /cost.output is 1e-7, no price of at most six decimals/);
  broken((model) => { delete model.cost.input; }, /cost.input is undefined/);
  broken((model) => { model.limit = {}; }, /limit.context is undefined, no number of tokens/);
  broken((model) => { model.limit.context = 1.5; }, /limit.context is 1.5, no number of tokens/);
  broken((model) => { model.tool_call = "yes"; }, /tool_call is missing or of another form/);
  broken((model) => { model.cost.tiers = [{ input: 1, output: 1, tier: { type: "daytime", size: 5 } }]; }, /a tier by daytime/);
  broken((model) => { model.reasoning_options[0].values = ["huge"]; }, /has the effort "huge"/);
  const broke = dataSet((data) => { data.groq.models["old/left-out"].limit = null; });
  assert.equal(refresh(broke).texts.size, 0, "a model that is not ours may be broken");
});

test("more than a third of a provider's models gone at once is a fault of the data set", () => {
  const rows = Array.from({ length: 3 }, (_, index) => GROQ.slice(GROQ.indexOf("[[model]]")).replace(/id = "/g, `id = "x${index}`));
  refused(dataSet(), /^the data set lacks 6 of the 8 models of groq: x0openai/, { groq: [GROQ, ...rows].join("\n") });
});

test("a file of a form that cannot be edited safely is refused with its line", () => {
  for (const [line, reason] of [
    ["price = { input = 1e3 }", /groq.toml:3: a value of a form/],
    ["note = '''x'''", /groq.toml:3: a value of a form/],
    ["a.b = 1", /groq.toml:3: expected =/],
    ["[model.price]", /groq.toml:3: \[model.price\] is no header/],
    ['a = "x" b = "y"', /groq.toml:3: two things in one line/],
  ]) {
    refused(dataSet(), reason, { groq: `provider = "groq"\n[[model]]\n${line}\n` });
  }
});

test("prices are exact: decimal text in, whole pico-dollars a token, decimal text out", () => {
  for (const [text, amount, written] of [
    ["0", 0n, "0"],
    ["0.15", 150_000n, "0.15"],
    ["10.50", 10_500_000n, "10.5"],
    ["1e3", 1_000_000_000n, "1000"],
    ["2.5E-2", 25_000n, "0.025"],
    ["0.000001", 1n, "0.000001"],
    ["0.27999999999999997", 280_000n, "0.28"],
    ["3.0000000000000004", 3_000_000n, "3"],
    ["90071992547.409931", 90_071_992_547_409_931n, "90071992547.409931"],
  ]) {
    assert.equal(millionths(text), amount, text);
    assert.equal(decimalText(amount), written, text);
  }
  for (const text of ["-1", "", "x", "NaN", "0.0000001", "0.1234564", "1e99", `1${"0".repeat(50)}`]) assert.equal(millionths(text), null, text);
});

test("a model that also returns images has no one price, so theirs is not taken", () => {
  const groq = GROQ.replace(/price = \{ input = 0.15.*\}/, 'price = "unknown"');
  const images = dataSet((data) => { oss(data).modalities.output = ["text", "image"]; });
  assert.equal(refresh(images, { groq }).texts.size, 0);
  assert.match(refresh(images).report, /they have no price of it; ours stays/);
  const priced = refresh(dataSet(), { groq }).texts.get(GROQ_PATH);
  assert.ok(priced.includes("price = { input = 0.15, output = 0.6, cached_input = 0.075 }\ncapabilities"));
});

test("the command says in one line why it changed nothing, and takes no option that it does not know", () => {
  const before = readFileSync(inRoot(GROQ_PATH), "utf8");
  for (const [args, reason] of [
    [["tests/fixtures/models-dev.json"], /^\nerror: the data set has no models of "\w+"/],
    [["--dry-run", "no/such/file"], /^\nerror: no\/such\/file cannot be read/],
    [["--wirte"], /^\nerror: Unknown option '--wirte'/],
  ]) {
    const { status, stderr, stdout } = spawnSync(process.execPath, ["scripts/catalog-update.mjs", ...args], { cwd: inRoot(), encoding: "utf8" });
    assert.equal(status, 1);
    assert.match(stderr, reason);
    assert.equal(stdout, "");
  }
  assert.equal(readFileSync(inRoot(GROQ_PATH), "utf8"), before);
});

test("the catalogue's own files can be read, and every provider that has models is known in models.dev", () => {
  for (const name of readdirSync(inRoot("catalog", "models"))) {
    const path = `catalog/models/${name}`;
    const { provider, rows } = readModels(path, readFileSync(inRoot(path), "utf8"));
    assert.ok(PROVIDERS[provider], `${provider} is not in sources.mjs`);
    assert.ok(rows.length > 0 && rows.every(({ id, upstreamId, fields }) => id && upstreamId && fields.has("price")), path);
  }
  const { headers } = readToml(readFileSync(inRoot(ALIASES_PATH), "utf8"), ALIASES_PATH);
  assert.deepEqual(headers.map(({ text }) => text), ["[aliases]", "[retired]"]);
});
