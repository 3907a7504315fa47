// npm run catalog:update: refreshes catalog/ from the public models.dev data set and shows what changed.
//
//   npm run catalog:update                        fetches https://models.dev/api.json
//   npm run catalog:update -- api.json            reads a file with the same content instead
//   npm run catalog:update -- --dry-run           shows it and writes nothing
//   npm run catalog:update -- --add nvidia/NAME   adds a model that is not added by itself (own name of the provider)
//   npm run catalog:update -- --accept xai/NAME   believes a price that was flagged
import "./lib/bootstrap.mjs";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { fetchDataSet } from "./lib/catalog/models-dev.mjs";
import { update } from "./lib/catalog/update.mjs";
import { inRoot } from "./lib/paths.mjs";
import { Failure, main } from "./lib/processes.mjs";

function options() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        "dry-run": { type: "boolean", default: false },
        add: { type: "string", multiple: true, default: [] },
        accept: { type: "string", multiple: true, default: [] },
      },
    });
    if (positionals.length > 1) throw new Error("one file at most");
    return { ...values, path: positionals[0] };
  } catch (error) {
    throw new Failure(error.message);
  }
}

function readFile(path) {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new Failure(`${path} cannot be read: ${error.message}`);
  }
}

await main(async () => {
  const { path, add, accept, "dry-run": dryRun } = options();
  const paths = readdirSync(inRoot("catalog", "models")).filter((name) => name.endsWith(".toml")).sort();
  const names = ["catalog/aliases.toml", ...paths.map((name) => `catalog/models/${name}`)];
  const texts = new Map(names.map((name) => [name, readFile(inRoot(...name.split("/")))]));
  const dataSet = path === undefined ? await fetchDataSet() : readFile(path);
  const changed = update({ texts, dataSet, add, accept, day: new Date().toISOString().slice(0, 10) });
  console.log(changed.report);
  if (!dryRun) for (const [name, text] of changed.texts) writeFileSync(inRoot(...name.split("/")), text);
  const files = [...changed.texts.keys()].join(", ") || "nothing";
  console.log(dryRun ? `\nWould change: ${files}.` : `\nChanged: ${files}. See \`git diff catalog\`, then run \`npm run check\`.`);
});
