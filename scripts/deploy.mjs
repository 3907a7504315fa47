// npm run deploy: refuses what must not be deployed, then builds, migrates the remote database and uploads.
import "./lib/bootstrap.mjs";
import { build } from "./lib/build.mjs";
import { refusals } from "./lib/deploy-rules.mjs";
import { Failure, main } from "./lib/processes.mjs";
import { setup } from "./lib/setup.mjs";
import { readWranglerConfig, runWrangler, wranglerOutput } from "./lib/wrangler.mjs";

const INTERACTIVE = { stdio: "inherit" };

/** The names of the deployed worker's secrets; none before the first deployment. */
function deployedSecretNames() {
  const json = wranglerOutput(["secret", "list"]);
  return json === null ? [] : JSON.parse(json).map(({ name }) => name);
}

function refuseIf(reasons) {
  if (reasons.length > 0) throw new Failure(`this is not deployed:\n- ${reasons.join("\n- ")}`);
}

await main(async () => {
  const config = await readWranglerConfig();
  // What the files say needs no Cloudflare account to find out.
  refuseIf(refusals({ config, secretNames: [] }));
  const secretNames = deployedSecretNames();
  refuseIf(refusals({ config, secretNames }));
  await setup();
  await build();
  await runWrangler(["d1", "migrations", "apply", "DB", "--remote"], INTERACTIVE);
  await runWrangler(["deploy"], INTERACTIVE);
  if (!secretNames.includes("GATEWAY_API_KEY")) {
    console.log("\nIt answers 503 until it has a key for its clients: run `npx wrangler secret put GATEWAY_API_KEY`,\n" +
      "and `npx wrangler secret put GROQ_API_KEY` (or another provider's) likewise.");
  }
});
