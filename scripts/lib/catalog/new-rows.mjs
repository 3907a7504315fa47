// A row for a model that is not in the catalogue: what the data set says, and careful guesses for what it does not. It is kept
// out of `auto` until a person has looked at it.
import { inlineRates, inlineTexts, inlineTiers, plain } from "./rows.mjs";
import { quoted } from "./toml.mjs";

/**
 * The newest day on which one of our models there was released: what is younger is new, what is older was left out on purpose.
 */
export function newestRelease(file, models) {
  return file.rows.map((row) => models.get(row.upstreamId)?.released ?? "").sort().at(-1) ?? "";
}

/** The row's text. `files`: all of the catalogue, whose names a model keeps when another provider serves it, too. */
export function newRow(file, name, facts, files, day) {
  const id = idOf(name, files);
  const efforts = facts.reasoning ? effortsOf(facts) : [];
  const lines = [
    `# New in models.dev, ${day}. Look at capabilities, reasoning_level and what it refuses (drops); then let \`auto\` have it.`,
    "[[model]]",
    `id = ${quoted(id)}`,
    ...(name === id ? [] : [`upstream_id = ${quoted(name)}`]),
    `context_window = ${facts.context ?? '"unknown"'}`,
    `max_output = ${outputOf(facts) ?? '"unknown"'}`,
    `price = ${facts.price ? inlineRates(facts.price) : '"unknown"'}`,
    ...(facts.tiers.length > 0 ? [`price_tiers = ${inlineTiers(facts.tiers)}`] : []),
    `capabilities = ${inlineTexts(capabilitiesOf(file, facts))}`,
    ...(efforts.length > 0 ? [`efforts = ${inlineTexts(efforts)}`] : []),
    `reasoning_level = ${facts.reasoning ? '"medium"' : '"low"'}`,
    "auto = false",
  ];
  return { id, text: `${lines.join("\n")}\n` };
}

function outputOf(facts) {
  return facts.output === null || facts.context === null ? facts.output : Math.min(facts.output, facts.context);
}

function effortsOf({ efforts, toggle }) {
  const scale = efforts ?? (toggle ? ["default"] : []);
  return toggle && !scale.includes("none") ? ["none", ...scale] : scale;
}

/** The last part of a provider's own name, without what marks an offer (`:free`), as other providers write it too. */
function tail(name) {
  return name.split("/").at(-1).split(":")[0].toLowerCase();
}

function idOf(name, files) {
  const rows = files.flatMap((file) => file.rows);
  const same = rows.find((row) => row.id === tail(name)) ?? rows.find((row) => tail(row.upstreamId) === tail(name));
  return same?.id ?? tail(name);
}

/** What they do not say is as it is at all or at none of the provider's other models. */
function capabilitiesOf(file, facts) {
  const rest = file.rows.map((row) => plain(row, "capabilities") ?? []);
  const everywhere = (word) => rest.length > 0 && rest.every((words) => words.includes(word));
  const anywhere = (word) => rest.some((words) => words.includes(word));
  const has = {
    tools: facts.tools,
    json_object: everywhere("json_object") || (facts.jsonSchema === true && anywhere("json_object")),
    json_schema: everywhere("json_schema") || (facts.jsonSchema === true && anywhere("json_schema")),
    vision: facts.vision,
    reasoning: facts.reasoning,
  };
  return Object.keys(has).filter((word) => has[word]);
}
