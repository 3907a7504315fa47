// npm run setup: installs what is missing.
import "./lib/bootstrap.mjs";
import { main } from "./lib/processes.mjs";
import { setup } from "./lib/setup.mjs";

await main(setup);
