// aliases.toml when models come and go: a name that a client may have written down never disappears. It leads to the same model
// elsewhere, or it is listed as retired, until a person names the successor.
import { Failure } from "../processes.mjs";
import { edited, quoted, readToml } from "./toml.mjs";

/**
 * `text`: of aliases.toml; `removed`: rows that are gone; `rows`: those that remain and those that are new. Returns
 * `{text, told}`, where `told` are lines for a person.
 */
export function withNames(path, text, { removed, rows, day }) {
  const { headers, assignments } = readToml(text, path);
  const [aliases, retired] = ["[aliases]", "[retired]"].map((header) => {
    const table = headers.findIndex((one) => one.text === header) + 1;
    if (table === 0) throw new Failure(`${path}: it has no ${header}`);
    return { entries: assignments.filter((one) => one.table === table), header: headers[table - 1] };
  });
  const isServed = (name) => rows.some((row) => row.id === name || row.upstreamId === name);
  const leadsSomewhere = (target) => rows.some((row) => [row.id, `${row.provider}/${row.id}`, `${row.provider}/${row.upstreamId}`].includes(target));
  const listed = (name) => [...aliases.entries, ...retired.entries].some((one) => one.key === name);
  const edits = [];
  const gone = [];
  const led = [];
  const back = [];
  for (const { id, upstreamId } of removed) {
    for (const name of new Set([id, upstreamId])) {
      if (isServed(name) || listed(name) || gone.includes(name) || led.some(([other]) => other === name)) continue;
      if (isServed(id)) led.push([name, id]);
      else gone.push(name);
    }
  }
  for (const entry of [...aliases.entries, ...retired.entries]) {
    if (isServed(entry.key)) back.push(entry.key);
    else if (aliases.entries.includes(entry) && !leadsSomewhere(targetOf(entry))) gone.push(entry.key);
    else continue;
    edits.push(lineOf(text, entry));
  }
  for (const [{ entries, header }, added] of [[aliases, led], [retired, gone.map((name) => [name, day])]]) {
    const at = endOfLine(text, entries.at(-1)?.end ?? header.start);
    const lines = added.map(([name, value]) => `${quoted(name)} = ${quoted(value)}\n`);
    if (lines.length > 0) edits.push({ start: at, end: at, text: lines.join("") });
  }
  const told = [
    ...led.map(([name, id]) => `${path}: ${name} leads to ${id}, which others serve`),
    ...(gone.length > 0 ? [`${path}: now under [retired]; name a successor under [aliases] where there is one: ${gone.join(", ")}`] : []),
    ...(back.length > 0 ? [`${path}: models now, and no aliases or retired ones any more: ${back.join(", ")}`] : []),
  ];
  return { text: edited(text, edits), told };
}

/** The model of an alias, which may stand beside an effort. */
const targetOf = ({ value }) => (value instanceof Map ? value.get("model")?.value : value);

function lineOf(text, { keyStart, end }) {
  return { start: keyStart, end: endOfLine(text, end), text: "" };
}

function endOfLine(text, at) {
  const end = text.indexOf("\n", at);
  return end === -1 ? text.length : end + 1;
}
