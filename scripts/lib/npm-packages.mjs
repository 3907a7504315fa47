// Whether node_modules holds what package-lock.json asks for. npm keeps its own account of what it installed in
// node_modules/.package-lock.json, so both files are enough, whoever ran npm.
import { existsSync, readFileSync } from "node:fs";

import { inRoot, PINNED_NODE } from "./paths.mjs";

/** The packages of `lock` that `installed` lacks or has in another version; optional ones may be missing. */
export function missingPackages(lock, installed) {
  return Object.entries(lock.packages)
    .filter(([path, wanted]) => {
      const found = installed.packages[path];
      if (path === "" || wanted.link) return false;
      if (!found) return !(wanted.optional || wanted.devOptional);
      return found.version !== wanted.version;
    })
    .map(([path]) => path);
}

const readJson = (path) => JSON.parse(readFileSync(path, "utf8"));

export function packagesAreInstalled() {
  const installed = inRoot("node_modules", ".package-lock.json");
  if (!existsSync(installed) || !existsSync(PINNED_NODE)) return false;
  return missingPackages(readJson(inRoot("package-lock.json")), readJson(installed)).length === 0;
}

/** `path` without the folders that npm puts in front: `npm ci` deletes them, and the node in them, under itself. */
export const withoutNodeModules = (path, delimiter) =>
  path.split(delimiter).filter((folder) => !/[\\/]node_modules[\\/]/.test(folder)).join(delimiter);
