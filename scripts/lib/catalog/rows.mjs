// The rows of a file of catalog/models, and how one is changed in its place: a value is replaced, a field is put in or taken
// out, and every other byte stays.
import { Failure } from "../processes.mjs";
import { decimalText, millionths } from "./decimal.mjs";
import { NumberText, quoted, readToml } from "./toml.mjs";

/** The order of a row's fields, for those that are put in. */
const FIELDS = [
  "id", "upstream_id", "context_window", "max_output", "price", "price_tiers", "capabilities", "efforts", "reasoning_level",
  "free", "auto",
];
/** The order of a price's members. */
const RATES = ["input", "output", "cached_input", "cache_write"];

/**
 * A file as `{path, text, provider, rows}`; a row has `id`, `upstreamId`, `fields` (by name, as `readToml` gives them), `start` (of
 * the comment above it, if there is one) and `end`, and `commented`.
 */
export function readModels(path, text) {
  const { headers, assignments } = readToml(text, path);
  const provider = assignments.find(({ table, key }) => table === 0 && key === "provider")?.value;
  if (typeof provider !== "string") throw new Failure(`${path}: it names no provider`);
  const rows = headers.map((header, index) => {
    if (header.text !== "[[model]]") throw new Failure(`${path}: ${header.text} is no header of a model`);
    const own = assignments.filter(({ table }) => table === index + 1);
    const fields = new Map(own.map((field) => [field.key, field]));
    const id = fields.get("id")?.value;
    const start = startOfComment(text, header.start);
    const end = lineEnd(text, own.at(-1)?.end ?? header.start);
    return { provider, id, upstreamId: fields.get("upstream_id")?.value ?? id, fields, start, end, commented: start < header.start };
  });
  return { path, text, provider, rows };
}

/** Where the comment lines directly above begin. */
function startOfComment(text, start) {
  let begin = start;
  for (;;) {
    const before = text.lastIndexOf("\n", begin - 2) + 1;
    if (begin === 0 || text[before] !== "#") return begin;
    begin = before;
  }
}

/** Behind the line's end. */
function lineEnd(text, at) {
  const end = text.indexOf("\n", at);
  return end === -1 ? text.length : end + 1;
}

/** A field's value as plain data: numbers as their text, absent as undefined. */
export function plain(row, field) {
  return unwrapped(row.fields.get(field)?.value);
}

function unwrapped(value) {
  if (value instanceof NumberText) return value.text;
  if (Array.isArray(value)) return value.map((one) => unwrapped(one.value));
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, one]) => [key, unwrapped(one.value)]));
  return value;
}

/** The prices of `price` or of a tier as a Map of millionths; undefined where the price is not a table. */
export function rates(value) {
  if (value === undefined || typeof value === "string") return undefined;
  const known = Object.entries(value).filter(([name]) => RATES.includes(name));
  return new Map(known.map(([name, text]) => [name, millionths(text)]));
}

/** The edit that gives a field this text, which is put in after the fields before it. */
export function fieldEdit(file, row, field, text) {
  const present = row.fields.get(field);
  if (present) return { start: present.start, end: present.end, text };
  const before = FIELDS.slice(0, FIELDS.indexOf(field)).reverse().find((name) => row.fields.has(name));
  const at = lineEnd(file.text, row.fields.get(before).end);
  return { start: at, end: at, text: `${field} = ${text}\n` };
}

/** The edits that set these members (millionths) in the row's `price`, and leave its others as they are. */
export function priceEdits(file, row, members) {
  const { value, end } = row.fields.get("price");
  if (!(value instanceof Map)) return [fieldEdit(file, row, "price", inlineRates(members))];
  const edits = [];
  const absent = [];
  for (const [name, amount] of members) {
    const member = value.get(name);
    if (member) edits.push({ start: member.start, end: member.end, text: decimalText(amount) });
    else absent.push(`, ${name} = ${decimalText(amount)}`);
  }
  // Behind the last member, before what closes the table.
  const last = Math.max(...[...value.values()].map((member) => member.end));
  if (absent.length > 0) edits.push({ start: Math.min(last, end), end: Math.min(last, end), text: absent.join("") });
  return edits;
}

/** `{ input = 1, output = 2 }`; `first` stands before the prices. */
export function inlineRates(members, first = "") {
  const named = RATES.filter((name) => members.has(name)).map((name) => `${name} = ${decimalText(members.get(name))}`);
  return `{ ${first}${named.join(", ")} }`;
}

export function inlineTiers(tiers) {
  return `[${tiers.map(({ above, rates: members }) => inlineRates(members, `above = ${above}, `)).join(", ")}]`;
}

export const inlineTexts = (texts) => `[${texts.map(quoted).join(", ")}]`;

/** The edit that takes a field out with its line. */
export function removal(file, row, field) {
  const { keyStart, end } = row.fields.get(field);
  return { start: keyStart, end: lineEnd(file.text, end), text: "" };
}

/** The edit that takes a whole row out, with the comment above it and the empty line before it. */
export function rowRemoval(file, row) {
  const start = file.text.slice(0, row.start).endsWith("\n\n") ? row.start - 1 : row.start;
  return { start, end: row.end, text: "" };
}

/** The edit that puts rows at the end of a file. */
export function rowAdditions(file, texts) {
  const end = file.text.length;
  const gap = file.text.endsWith("\n") ? "\n" : "\n\n";
  return { start: end, end, text: texts.map((text) => gap + text).join("") };
}
