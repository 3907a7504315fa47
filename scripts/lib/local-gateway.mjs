// The gateway on this machine: set-up, build, migrations, `wrangler dev`, and the demo upstream while there is no
// provider. What `npm start` and `npm run dev` share.
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";

import { demoGatewayConfig, startDemoUpstream } from "../demo-upstream.mjs";
import { build } from "./build.mjs";
import { DEMO_DEV_VARS, gatewayConfigError, ownProvider, parseDevVars, providerVars, withGatewayKey } from "./dev-vars.mjs";
import { DEV_VARS, inRoot } from "./paths.mjs";
import { freePortFrom } from "./ports.mjs";
import { Failure } from "./processes.mjs";
import { setup } from "./setup.mjs";
import { snippets } from "./snippets.mjs";
import { readWranglerConfig, runWrangler, startWrangler } from "./wrangler.mjs";

const FIRST_PORT = 8787;
/** A cold `wrangler dev` on a slow machine answers well within this. */
const READY_WITHIN_MS = 90_000;

const readIfThere = (path) => (existsSync(path) ? readFileSync(path, "utf8") : "");

/** Everything that is set in wrangler.toml and, before that, in .dev.vars. */
async function readVars() {
  const { vars: plainVars } = await readWranglerConfig();
  const vars = { ...plainVars, ...parseDevVars(readIfThere(DEV_VARS)) };
  const error = gatewayConfigError(vars);
  if (error) throw new Failure(error);
  return vars;
}

/** Lets a person's own provider in, behind a key; returns the variables that are then in force. */
function withOwnProvider(vars, provider) {
  console.log(`== Providers: your own (${provider} is set)`);
  if (vars.GATEWAY_API_KEY) return vars;
  const key = `og-${randomBytes(24).toString("hex")}`;
  const hasProject = Boolean(vars.DEFAULT_PROJECT_ID);
  writeFileSync(DEV_VARS, withGatewayKey(readIfThere(DEV_VARS), key, { hasProject }), { mode: 0o600 });
  console.log(`== .dev.vars: added GATEWAY_API_KEY, which clients must send: ${key}`);
  return { ...vars, ...parseDevVars(readIfThere(DEV_VARS)) };
}

/** Starts the demo upstream; returns the variables in force and the arguments that tell wrangler of it. */
async function withDemo(vars) {
  if (!existsSync(DEV_VARS)) {
    writeFileSync(DEV_VARS, DEMO_DEV_VARS, { mode: 0o600 });
    console.log("== .dev.vars: written, with the demo on; your providers' keys go there");
  }
  console.log("== Providers: none has a key in .dev.vars, so a demo upstream on this machine answers");
  const server = await startDemoUpstream();
  const demo = {
    GATEWAY_DEMO: "1",
    DEFAULT_PROJECT_ID: "demo",
    ...vars,
    GATEWAY_CONFIG: JSON.stringify(demoGatewayConfig(server.address().port)),
  };
  // As arguments, not in the file: the port is another one each time, and a person's own file stays as it is.
  const names = ["GATEWAY_DEMO", "DEFAULT_PROJECT_ID", "GATEWAY_CONFIG"];
  return { vars: demo, args: names.flatMap((name) => ["--var", `${name}:${demo[name]}`]) };
}

/** Decides between a demo and the person's own providers. */
async function provide(vars) {
  const provider = ownProvider(vars, providerVars(readIfThere(inRoot("catalog", "providers.toml"))));
  return provider ? { vars: withOwnProvider(vars, provider), args: [] } : withDemo(vars);
}

/** Asks until the worker answers /health with 200. Stops when `signal` is aborted. */
async function untilHealthy(origin, signal) {
  const deadline = Date.now() + READY_WITHIN_MS;
  let last = "no answer";
  while (Date.now() < deadline) {
    signal.throwIfAborted();
    try {
      const response = await fetch(`${origin}/health`, { signal: AbortSignal.timeout(5_000) });
      if (response.ok) return;
      last = `${response.status} ${(await response.text()).slice(0, 500)}`;
    } catch (error) {
      last = error.cause?.message ?? error.message;
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Failure(`the worker did not answer ${origin}/health within ${READY_WITHIN_MS / 1000} s: ${last}`);
}

/** What a real request would be refused for, such as a bad variable, or null. */
async function complaint(baseUrl, apiKey) {
  const response = await fetch(`${baseUrl}/models`, { headers: { authorization: `Bearer ${apiKey}` } });
  if (response.ok) return null;
  const body = await response.text();
  try {
    return JSON.parse(body).error.message;
  } catch {
    return `${response.status} ${body.slice(0, 500)}`;
  }
}

/** What the printed examples ask for: `auto`, unless there is only a server of the person's own that takes any model. */
async function modelToAsk(baseUrl, apiKey, vars) {
  const response = await fetch(`${baseUrl}/models/auto`, { headers: { authorization: `Bearer ${apiKey}` } });
  const { reasoning_level: level } = await response.json();
  const own = ["VLLM", "OLLAMA"].find((name) => vars[`${name}_BASE_URL`]);
  return level === null && own ? `${own.toLowerCase()}/YOUR_MODEL` : "auto";
}

/** Runs until wrangler ends, which is a failure; `whenReady` is called once the worker answers. */
export async function runLocalGateway({ profile, whenReady = () => {} }) {
  // First, so that a bad setting is told at once and not after minutes.
  const configured = await readVars();
  await setup();
  await build(profile);
  console.log("== Database: applying migrations to the local D1");
  await runWrangler(["d1", "migrations", "apply", "DB", "--local"]);
  const { vars, args } = await provide(configured);

  const port = await freePortFrom(FIRST_PORT);
  if (port !== FIRST_PORT) console.log(`== Port ${FIRST_PORT} is in use (another gateway?), so this one gets ${port}`);
  const origin = `http://127.0.0.1:${port}`;
  const baseUrl = `${origin}/v1`;
  const apiKey = vars.GATEWAY_API_KEY?.split(",")[0].trim() || "demo";

  const wrangler = startWrangler(["dev", "--ip", "127.0.0.1", "--port", String(port), "--show-interactive-dev-session=false", ...args]);
  const ended = new AbortController();
  const failed = wrangler.ended.then(({ code, signal }) => {
    ended.abort();
    throw new Failure(`wrangler ended with ${signal ?? `exit code ${code}`}`);
  });
  await Promise.race([failed, untilHealthy(origin, ended.signal)]);

  const trouble = await complaint(baseUrl, apiKey);
  console.log(`\nThe gateway is at ${baseUrl}\n`);
  if (trouble) console.log(`But it refuses requests: ${trouble}\n`);
  else console.log(snippets({ baseUrl, apiKey, model: await modelToAsk(baseUrl, apiKey, vars), projectId: vars.DEFAULT_PROJECT_ID ? null : "demo" }));
  console.log("Ctrl-C ends it.\n");
  whenReady();
  await failed;
}
