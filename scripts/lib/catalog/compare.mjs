// What differs between the rows of one provider and the data set: per row the changes, each with the edit that makes it, and
// what is told without being done.
import { Failure } from "../processes.mjs";
import { decimalText } from "./decimal.mjs";
import { fieldEdit, inlineRates, inlineTexts, inlineTiers, plain, priceEdits, rates, removal } from "./rows.mjs";
import { KEPT, PROVIDERS } from "./sources.mjs";

/** A price that is this many times another, either way, is more likely a mistake than a price. */
const JUMP = 10n;
/** More of a provider's rows than this missing at once is a fault of the data set: nobody retires a third of their models. */
const MISSING_SHARE = 1 / 3;
/** But a provider may always retire so many. */
const MISSING_ALWAYS = 2;
/** What the catalogue's compiler takes for a cache write that no row prices: input times 5/4. */
const CACHE_WRITE = [5n, 4n];
/** The order in which the catalogue lists capabilities. */
const CAPABILITIES = ["tools", "json_object", "json_schema", "vision", "reasoning", "web_search", "image_output", "audio_output"];

/**
 * `file`: of one provider; `models`: the data set's models of it; `accepted`: `provider/own id`s whose flagged changes are made
 * all the same. Returns `{provider, rows: [{row, changes: [{field, from, to, edits}], flags, notes}], missing: [row], unknown: [[own
 * name, facts]]}`.
 *
 * @throws Failure where the data set is strange.
 */
export function compare(file, models, accepted) {
  const { elsewhere = [] } = PROVIDERS[file.provider];
  const compared = file.rows.filter((row) => !elsewhere.includes(row.upstreamId));
  const missing = compared.filter((row) => !models.has(row.upstreamId));
  if (missing.length > Math.max(MISSING_ALWAYS, compared.length * MISSING_SHARE)) {
    const names = missing.map((row) => row.upstreamId).join(", ");
    throw new Failure(`the data set lacks ${missing.length} of the ${compared.length} models of ${file.provider}: ${names}`);
  }
  const rows = compared.filter((row) => !missing.includes(row)).map((row) => {
    const facts = models.get(row.upstreamId);
    if (facts.problem) throw new Failure(`${file.provider}/${row.upstreamId} in the data set: ${facts.problem}`);
    return compareRow(file, row, facts, accepted.has(`${file.provider}/${row.upstreamId}`));
  });
  const known = new Set(file.rows.map((row) => row.upstreamId));
  return { provider: file.provider, rows, missing, unknown: [...models].filter(([name]) => !known.has(name)) };
}

function compareRow(file, row, facts, isAccepted) {
  const found = { row, changes: [], flags: [], notes: [] };
  const kept = [...Object.keys(PROVIDERS[file.provider].ours ?? {}), ...(KEPT[`${file.provider}/${row.upstreamId}`] ?? [])];
  if (!kept.includes("context_window")) compareTokens(file, row, "context_window", facts.context, found);
  if (!kept.includes("max_output")) {
    const output = facts.output === null || facts.context === null ? facts.output : Math.min(facts.output, facts.context);
    compareTokens(file, row, "max_output", output, found);
  }
  if (!kept.includes("price")) comparePrices(file, row, facts, isAccepted, found);
  compareCapabilities(file, row, facts, kept, found);
  if (!kept.includes("efforts") && facts.efforts !== null && facts.reasoning) compareEfforts(file, row, facts.efforts, found);
  if (facts.deprecated) found.notes.push("it is said to be deprecated: see when it is shut down, and what follows it");
  if (row.commented && found.changes.length > 0) found.notes.push("the comment above the row may no longer be true");
  return found;
}

function compareTokens(file, row, field, tokens, found) {
  const from = plain(row, field);
  if (tokens === null || from === String(tokens)) return;
  found.changes.push({ field, from, to: String(tokens), edits: [fieldEdit(file, row, field, String(tokens))] });
}

function comparePrices(file, row, facts, isAccepted, found) {
  if (!facts.price) {
    const ours = rates(plain(row, "price"));
    if (ours && [...ours.values()].some((amount) => amount > 0n)) found.notes.push("they have no price of it; ours stays");
    return;
  }
  const ours = rates(plain(row, "price"));
  const changes = ours ? memberChanges(file, row, ours, facts.price) : [];
  if (!ours) {
    changes.push({ field: "price", from: "unknown", to: inlineRates(facts.price), edits: priceEdits(file, row, facts.price) });
  }
  const tiers = tiersChange(file, row, facts, isAccepted, found);
  if (tiers) changes.push(tiers);
  if (isAccepted || !changes.some(({ amounts }) => amounts && isJump(...amounts))) {
    found.changes.push(...changes);
    return;
  }
  // Prices belong together: none of them is changed then.
  const all = changes.map(({ field, from, to }) => `${field} ${from} -> ${to}`).join(", ");
  found.flags.push(`${all}: more than ${JUMP} times, so its prices stay as they are`);
}

function memberChanges(file, row, ours, theirs) {
  return [...theirs].flatMap(([name, to]) => {
    const from = ours.get(name) ?? (name === "cache_write" ? usualCacheWrite(theirs) : undefined);
    if (from === to) return [];
    const edits = priceEdits(file, row, new Map([[name, to]]));
    return [{ field: `price.${name}`, from: written(from), to: written(to), edits, amounts: [ours.get(name), to] }];
  });
}

function tiersChange(file, row, facts, isAccepted, found) {
  const ours = (plain(row, "price_tiers") ?? []).map((tier) => ({ above: Number(tier.above), rates: rates(tier) }));
  const theirs = facts.tiers.map(({ above, rates: members }) => {
    const own = new Map(members);
    if (own.get("cache_write") === usualCacheWrite(own)) own.delete("cache_write");
    return { above, rates: own };
  });
  const [from, to] = [inlineTiers(ours), inlineTiers(theirs)];
  if (theirs.length === 0 && facts.hasOldTier) {
    found.notes.push("they have a price for long prompts, and do not say from where on");
    return null;
  }
  if (from === to) return null;
  if (theirs.length === 0) {
    if (isAccepted) return { field: "price_tiers", from, to: "none", edits: [removal(file, row, "price_tiers")] };
    found.flags.push(`they have no price_tiers; ours stay: ${from}`);
    return null;
  }
  const same = ours.length === theirs.length;
  const amounts = same && ours.length > 0 ? [ours[0].rates.get("input"), theirs[0].rates.get("input")] : undefined;
  return { field: "price_tiers", from: ours.length === 0 ? "none" : from, to, edits: [fieldEdit(file, row, "price_tiers", to)], amounts };
}

function usualCacheWrite(members) {
  const [times, by] = CACHE_WRITE;
  const product = members.get("input") * times;
  return product % by === 0n ? product / by : undefined;
}

function isJump(from, to) {
  if (from === undefined) return false;
  const [low, high] = from < to ? [from, to] : [to, from];
  return high > low * JUMP;
}

const written = (amount) => (amount === undefined ? "none" : decimalText(amount));

function compareCapabilities(file, row, facts, kept, found) {
  const ours = plain(row, "capabilities") ?? [];
  const theirs = { tools: facts.tools, vision: facts.vision, reasoning: facts.reasoning, json_schema: facts.jsonSchema };
  const differing = Object.entries(theirs)
    .filter(([name, has]) => has !== null && !kept.includes(name) && ours.includes(name) !== has);
  if (differing.length === 0) return;
  const gained = differing.filter(([, has]) => has).map(([name]) => name);
  const lost = differing.filter(([, has]) => !has).map(([name]) => name);
  const to = CAPABILITIES.filter((name) => gained.includes(name) || (ours.includes(name) && !lost.includes(name)));
  const edits = [fieldEdit(file, row, "capabilities", inlineTexts(to))];
  // Efforts belong to reasoning models alone.
  if (lost.includes("reasoning") && row.fields.has("efforts")) edits.push(removal(file, row, "efforts"));
  const words = [...gained.map((name) => `+${name}`), ...lost.map((name) => `-${name}`)].join(" ");
  found.changes.push({ field: "capabilities", from: ours.join(" ") || "none", to: words, edits });
}

/** Their scale of efforts. `none` is not theirs to take: how a model is kept from thinking is known better here. */
function compareEfforts(file, row, scale, found) {
  const ours = plain(row, "efforts") ?? [];
  const efforts = ours.includes("none") && !scale.includes("none") ? ["none", ...scale] : scale;
  if (ours.join() === efforts.join()) return;
  const edits = efforts.length > 0 ? [fieldEdit(file, row, "efforts", inlineTexts(efforts))] : [removal(file, row, "efforts")];
  found.changes.push({ field: "efforts", from: ours.join(" ") || "none", to: efforts.join(" ") || "none", edits });
}
