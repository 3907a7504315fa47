// npm run check: format and lints, warnings denied.
import "./lib/bootstrap.mjs";
import { check } from "./lib/checks.mjs";
import { main } from "./lib/processes.mjs";

await main(check);
