// npm run bench: sets up and builds what is measured, then runs bench/run.mjs (`npm run bench -- --quick` for a look).
import "./lib/bootstrap.mjs";
import { build, buildMinimalWorker } from "./lib/build.mjs";
import { inRoot } from "./lib/paths.mjs";
import { main, run } from "./lib/processes.mjs";
import { setup } from "./lib/setup.mjs";

await main(async () => {
  await setup();
  await build();
  await buildMinimalWorker();
  await run(process.execPath, [inRoot("bench", "run.mjs"), ...process.argv.slice(2)]);
});
