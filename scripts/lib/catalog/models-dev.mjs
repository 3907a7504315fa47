// Reads the data set of models.dev: one object by provider id, each with `models` by the provider's own name of the model.
// What does not look like that is an error, so that a broken data set changes nothing.
import { Failure } from "../processes.mjs";
import { millionths } from "./decimal.mjs";
import { DATA_SET, PROVIDERS } from "./sources.mjs";

/** Lowest first, as the catalogue lists them. Theirs may also hold null (the field left out), which is no effort. */
export const EFFORTS = ["none", "minimal", "low", "medium", "high", "xhigh", "max", "default"];
/** Their prices of a token and our names of them. */
const RATES = { input: "input", output: "output", cache_read: "cached_input", cache_write: "cache_write" };
/** The catalogue keeps tokens in 32 bits. */
const MAX_TOKENS = 0xffff_ffff;
const FETCH_TIMEOUT_MS = 60_000;

/** A number of the data set, as it is written there. */
class Exact {
  constructor(text) {
    this.text = text;
  }
}

/** The data set's text, from the network. */
export async function fetchDataSet() {
  try {
    const reply = await fetch(DATA_SET, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
    if (!reply.ok) throw new Error(`status ${reply.status}`);
    return await reply.text();
  } catch (error) {
    const why = error.cause?.message ?? error.message;
    throw new Failure(`${DATA_SET} cannot be read: ${why}. A file with the same content can be given instead.`);
  }
}

/**
 * The models of each of `providers` (ours) as `Map(our provider id -> Map(own name -> facts))`; null for a provider that may be
 * lacking and is. Facts are:
 * - `context`, `output`: tokens, or null where nobody knows;
 * - `price`: `Map(our name -> millionths of USD per million tokens)`, or null where there is none or more than one;
 * - `tiers`: `[{above, rates}]`, shortest first; `hasOldTier`: there is one, of a size that is not said;
 * - `tools`, `vision`, `reasoning`, and `jsonSchema`, null where it is not said;
 * - `efforts`: the scale, or null; `toggle`: thinking can be switched off;
 * - `released`: a day or month as text; `deprecated`; `unfit`: why it is not added unasked, or null.
 * A model that could not be read has `problem` alone.
 */
export function readDataSet(text, providers) {
  let data;
  try {
    data = JSON.parse(text, (_key, value, { source }) => (typeof value === "number" ? new Exact(source) : value));
  } catch (error) {
    throw new Failure(`the data set is not JSON: ${error.message}`);
  }
  if (!isObject(data)) throw new Failure("the data set is no object of providers");
  return new Map(providers.map((provider) => [provider, readProvider(provider, data[PROVIDERS[provider].id])]));
}

function readProvider(provider, entry) {
  const { id, tierIncludesSize = false, mayLack = false } = PROVIDERS[provider];
  if (entry === undefined && mayLack) return null;
  if (!isObject(entry) || !isObject(entry.models) || Object.keys(entry.models).length === 0) {
    throw new Failure(`the data set has no models of "${id}" (${provider} here)`);
  }
  return new Map(Object.entries(entry.models).map(([name, model]) => [name, readModel(model, tierIncludesSize)]));
}

function readModel(model, tierIncludesSize) {
  try {
    if (!isObject(model)) throw new Error("it is no object");
    const { input, output } = need(model.modalities, isObject, "modalities");
    const modalities = { input: need(input, isTexts, "modalities.input"), output: need(output, isTexts, "modalities.output") };
    const limit = need(model.limit, isObject, "limit");
    // A model that also returns images or sound has tokens at several prices, and they name one.
    const isPriced = model.cost !== undefined && modalities.output.length === 1;
    const price = isPriced ? readRates(need(model.cost, isObject, "cost"), "cost") : null;
    const facts = {
      context: tokens(limit.context, "limit.context"),
      output: tokens(limit.output, "limit.output"),
      price,
      tiers: price ? readTiers(model.cost, tierIncludesSize) : [],
      // The older form of a tier says 200k even where the real size is more (normalizeCost in their generate.ts).
      hasOldTier: price !== null && model.cost.tiers === undefined && model.cost.context_over_200k !== undefined,
      tools: need(model.tool_call, isBoolean, "tool_call"),
      vision: modalities.input.includes("image"),
      reasoning: need(model.reasoning, isBoolean, "reasoning"),
      jsonSchema: model.structured_output === undefined ? null : need(model.structured_output, isBoolean, "structured_output"),
      efforts: readEfforts(model.reasoning_options),
      toggle: optionsOf(model.reasoning_options).some(({ type }) => type === "toggle"),
      released: typeof model.release_date === "string" ? model.release_date : "",
      deprecated: model.status === "deprecated",
    };
    return { ...facts, unfit: whyUnfit(model, modalities, facts) };
  } catch (error) {
    return { problem: error.message };
  }
}

function readRates(cost, where) {
  const rates = new Map();
  for (const [theirs, ours] of Object.entries(RATES)) {
    if (cost[theirs] === undefined && theirs.startsWith("cache")) continue;
    const amount = cost[theirs] instanceof Exact ? millionths(cost[theirs].text) : null;
    if (amount === null) throw new Error(`${where}.${theirs} is ${cost[theirs]?.text ?? typeof cost[theirs]}, no price of at most six decimals`);
    rates.set(ours, amount);
  }
  return rates;
}

function readTiers(cost, tierIncludesSize) {
  const tiers = cost.tiers ?? [];
  if (!Array.isArray(tiers)) throw new Error("cost.tiers is no list");
  const read = tiers.map((tier) => {
    if (!isObject(tier) || !isObject(tier.tier)) throw new Error("cost.tiers holds something else than tiers");
    const { type = "context", size } = tier.tier;
    if (type !== "context") throw new Error(`cost.tiers has a tier by ${type}`);
    const above = tokens(size, "cost.tiers.tier.size");
    if (above === null) throw new Error("cost.tiers has a tier from 0 on");
    return { above: tierIncludesSize ? above - 1 : above, rates: readRates(tier, "cost.tiers") };
  });
  read.sort((a, b) => a.above - b.above);
  if (read.some((tier, index) => index > 0 && tier.above === read[index - 1].above)) throw new Error("cost.tiers has a size twice");
  return read;
}

/** Tokens, or null where they say 0, which means that nobody knows. */
function tokens(value, name) {
  const amount = value instanceof Exact && /^\d{1,10}$/.test(value.text) ? Number(value.text) : NaN;
  if (!(amount <= MAX_TOKENS)) throw new Error(`${name} is ${value?.text ?? typeof value}, no number of tokens`);
  return amount === 0 ? null : amount;
}

/** The efforts that `reasoning_effort` takes, or null where they say nothing of it (only a switch, or a budget). */
function readEfforts(options) {
  const option = optionsOf(options).find(({ type }) => type === "effort");
  if (!option) return null;
  const values = need(option.values, Array.isArray, "reasoning_options.values").filter((value) => value !== null);
  const unknown = values.find((value) => !EFFORTS.includes(value));
  if (unknown !== undefined) throw new Error(`reasoning_options has the effort ${JSON.stringify(unknown)}`);
  return EFFORTS.filter((effort) => values.includes(effort));
}

const optionsOf = (options) => (Array.isArray(options) ? options.filter(isObject) : []);

function whyUnfit(model, modalities, facts) {
  if (model.type !== undefined) return `it is a ${model.type} model`;
  if (!modalities.input.includes("text") || !modalities.output.includes("text")) return "it is not for chat";
  if (modalities.output.length > 1) return `its output is ${modalities.output.join(" and ")}, not at one price`;
  if (model.provider?.shape === "responses") return "it does not answer chat completions";
  if (facts.deprecated) return "it is deprecated";
  if (!facts.tools) return "it takes no tools";
  if (!facts.price) return "its price is not known";
  return facts.context === null ? "its limits are not known" : null;
}

function need(value, test, name) {
  if (!test(value)) throw new Error(`${name} is missing or of another form`);
  return value;
}

function isObject(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value) && !(value instanceof Exact);
}

const isBoolean = (value) => typeof value === "boolean";
const isTexts = (value) => Array.isArray(value) && value.every((one) => typeof one === "string");
