// npm run dev: like npm start, with the quick build, and built again whenever a source file changes; wrangler reloads
// what it finds in build/.
import "./lib/bootstrap.mjs";
import { existsSync, watch } from "node:fs";

import { build } from "./lib/build.mjs";
import { runLocalGateway } from "./lib/local-gateway.mjs";
import { inRoot } from "./lib/paths.mjs";
import { main } from "./lib/processes.mjs";

/** Editors write a file several times in one save. */
const SETTLE_MS = 200;

function rebuildOnChange() {
  let timer;
  let building = false;
  let again = false;
  async function rebuild() {
    if (building) {
      again = true;
      return;
    }
    building = true;
    do {
      again = false;
      // A compile error is shown by cargo; the last good build goes on running.
      await build("dev").catch((error) => console.error(`error: ${error.message}`));
    } while (again);
    building = false;
  }
  for (const name of ["src", "catalog"].map((path) => inRoot(path)).filter(existsSync)) {
    watch(name, { recursive: true }, () => {
      clearTimeout(timer);
      timer = setTimeout(rebuild, SETTLE_MS);
    });
  }
}

await main(() => runLocalGateway({ profile: "dev", whenReady: rebuildOnChange }), { stopCode: () => 0 });
