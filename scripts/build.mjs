// npm run build: the release build, into build/.
import "./lib/bootstrap.mjs";
import { build } from "./lib/build.mjs";
import { main } from "./lib/processes.mjs";

await main(() => build());
