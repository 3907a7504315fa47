// One refresh of the catalogue as a function of texts: the files and the data set in, the changed files and what a person is
// told out. The script reads and writes.
import { Failure } from "../processes.mjs";
import { compare } from "./compare.mjs";
import { readDataSet } from "./models-dev.mjs";
import { withNames } from "./names.mjs";
import { newestRelease, newRow } from "./new-rows.mjs";
import { readModels, rowAdditions, rowRemoval } from "./rows.mjs";
import { PROVIDERS } from "./sources.mjs";
import { edited } from "./toml.mjs";

const ALIASES = "catalog/aliases.toml";
/** The line at the head of a file that says when it was refreshed. */
const REFRESHED = /^# Refreshed from models\.dev on \d{4}-\d{2}-\d{2}\.\n/;

/**
 * `texts`: path -> text of aliases.toml and of every file in catalog/models. `add` and `accept`: `provider/own name`s. `day`:
 * YYYY-MM-DD. Returns `{texts: Map(path -> new text) of what changed, report}`.
 *
 * @throws Failure where nothing may be changed, with the reason.
 */
export function update({ texts, dataSet, day, add = [], accept = [] }) {
  const files = [...texts].filter(([path]) => path !== ALIASES).map(([path, text]) => readModels(path, text));
  const unmapped = files.find((file) => !PROVIDERS[file.provider]);
  if (unmapped) throw new Failure(`scripts/lib/catalog/sources.mjs does not say what ${unmapped.provider} is called in models.dev`);
  const data = readDataSet(dataSet, files.map((file) => file.provider));
  const accepted = new Set(accept);
  const results = files.map((file) => {
    const models = data.get(file.provider);
    if (!models) return { file, rows: [], missing: [], added: [], offered: [], older: [], isLacking: true };
    const found = compare(file, models, accepted);
    return { file, ...found, ...news(file, found, models, files, add, day) };
  });
  refuseUnknown([...add.map((name) => ["--add", name]), ...accept.map((name) => ["--accept", name])], files, data);

  const changed = new Map();
  for (const { file, rows, missing, added } of results) {
    const edits = [
      ...rows.flatMap((row) => row.changes.flatMap((change) => change.edits)),
      ...missing.map((row) => rowRemoval(file, row)),
      ...(added.length > 0 ? [rowAdditions(file, added.map(({ text }) => text))] : []),
    ];
    if (edits.length === 0) continue;
    changed.set(file.path, `# Refreshed from models.dev on ${day}.\n${edited(file.text, edits).replace(REFRESHED, "")}`);
  }
  const removed = results.flatMap(({ missing }) => missing);
  const rows = files.flatMap((file) => readModels(file.path, changed.get(file.path) ?? file.text).rows);
  const names = withNames(ALIASES, texts.get(ALIASES), { removed, rows, day });
  if (names.text !== texts.get(ALIASES)) changed.set(ALIASES, names.text);
  return { texts: changed, report: [...results.flatMap(reportOf), ...names.told].join("\n") };
}

/** The models that are added, and those that a person may want. */
function news(file, { unknown }, models, files, add, day) {
  const newest = newestRelease(file, models);
  const [added, offered, older] = [[], [], []];
  for (const [name, facts] of unknown) {
    const isNamed = add.includes(`${file.provider}/${name}`);
    if (isNamed && facts.problem) throw new Failure(`${file.provider}/${name} in the data set: ${facts.problem}`);
    const isNew = !facts.problem && facts.released > newest;
    if (isNamed || (isNew && !facts.unfit && PROVIDERS[file.provider].adds)) {
      added.push({ name, facts, ...newRow(file, name, facts, files, day) });
    } else if (isNew) offered.push(facts.unfit ? `${name} (${facts.unfit})` : name);
    else older.push(name);
  }
  return { added, offered, older };
}

/** Misspelt names must not be passed over in silence. */
function refuseUnknown(named, files, data) {
  for (const [option, name] of named) {
    const isThere = files.some(({ provider }) => name.startsWith(`${provider}/`) && data.get(provider)?.has(name.slice(provider.length + 1)));
    if (!isThere) throw new Failure(`${option} ${name}: the data set has no such model at a provider of the catalogue`);
  }
}

/** A provider's part of the report: a line with the counts, then what was found, nothing where all is the same. */
function reportOf({ file, rows, missing, added, offered, older, isLacking }) {
  if (isLacking) return [`${file.provider}: ${file.rows.length} rows, none compared: the data set does not have this provider`];
  const found = rows.filter(({ changes, flags, notes }) => changes.length + flags.length + notes.length > 0);
  const changed = rows.filter(({ changes }) => changes.length > 0).length;
  const counts = `${file.provider}: ${file.rows.length} rows, ${changed} changed, ${added.length} new, ${missing.length} retired`;
  return [
    older.length > 0 ? `${counts} (${older.length} older ones left out)` : counts,
    ...found.flatMap(({ row, changes, flags, notes }) => [
      `  ${changes.length > 0 ? "~" : flags.length > 0 ? "!" : " "} ${row.upstreamId}`,
      ...changes.map(({ field, from, to }) => `      ${field}: ${from} -> ${to}`),
      ...flags.map((flag) => `    ! ${flag} (--accept ${file.provider}/${row.upstreamId})`),
      ...notes.map((note) => `      (${note})`),
    ]),
    ...added.flatMap(({ name, text }) => [`  + ${name}`, ...text.trimEnd().split("\n").slice(2).map((line) => `      ${line}`)]),
    ...missing.map((row) => `  - ${row.upstreamId}`),
    ...(offered.length > 0 ? [`    new there, not added (--add ${file.provider}/NAME): ${offered.join(", ")}`] : []),
  ];
}
