// What .dev.vars says, and the few edits that the scripts make in it: a new file for the demo, and a key for the
// gateway's own door once a real provider is behind it. A line of a person's is never changed.
import util from "node:util";

/** The names and values in the text of a .dev.vars file; wrangler reads the same format. */
export const parseDevVars = (text) => util.parseEnv(text);

/**
 * The variables that switch a provider on, from catalog/providers.toml: names of keys, and of the base URLs of those that
 * need no key.
 */
export function providerVars(toml) {
  const quoted = (text) => [...text.matchAll(/"([^"]+)"/g)].map((match) => match[1]);
  const all = (pattern, text) => [...text.matchAll(pattern)].flatMap((match) => quoted(match[1]));
  const keyless = toml.split(/^\[\[provider\]\]/m).filter((row) => /^\s*key\s*=\s*"optional"/m.test(row));
  return {
    keys: all(/^\s*key_vars\s*=\s*\[([^\]]*)\]/gm, toml),
    baseUrls: keyless.flatMap((row) => all(/^\s*base_url_var\s*=\s*("[^"]+")/gm, row)),
  };
}

/**
 * The name of a variable that gives the gateway a provider of the person's own, or null: a provider's key, its base URL
 * where it needs no key, or a GATEWAY_CONFIG with providers.
 */
export function ownProvider(vars, { keys, baseUrls }) {
  const named = [...keys, ...baseUrls].find((name) => vars[name]);
  const configured = vars.GATEWAY_CONFIG && Object.keys(JSON.parse(vars.GATEWAY_CONFIG).providers ?? {}).length > 0;
  return named ?? (configured ? "GATEWAY_CONFIG" : null);
}

/** Why the JSON in `vars.GATEWAY_CONFIG` cannot be read, or null. */
export function gatewayConfigError(vars) {
  if (!vars.GATEWAY_CONFIG) return null;
  try {
    JSON.parse(vars.GATEWAY_CONFIG);
    return null;
  } catch (error) {
    return `GATEWAY_CONFIG is not valid JSON: ${error.message}`;
  }
}

/** The line that `npm start` itself writes for the demo, and takes back when a provider is there. */
const DEMO_LINE = "GATEWAY_DEMO=1 # written by `npm start`: open to anyone on this machine, until there is a provider";

/** The project of whoever names none: so that a first request need not name one. */
const DEFAULT_PROJECT = "demo";
const PROJECT_COMMENT = "# The project of a request that names none.";

/** A first .dev.vars, for a clone that has none. */
export const DEMO_DEV_VARS = `# Settings and secrets of your local gateway. Git ignores this file.

# Put a provider's key here, run \`npm start\` again, and the answers are real:
# GROQ_API_KEY=
# GEMINI_API_KEY=
# OPENAI_API_KEY=

${DEMO_LINE}
${PROJECT_COMMENT}
DEFAULT_PROJECT_ID=${DEFAULT_PROJECT}
`;

/** `text` of a .dev.vars with a key that clients must send and, where it is missing, a project; without the demo line. */
export function withGatewayKey(text, key, { hasProject }) {
  const kept = text.split("\n").filter((line) => line !== DEMO_LINE).join("\n").replace(/\n*$/, "\n");
  const project = hasProject ? "" : `${PROJECT_COMMENT}\nDEFAULT_PROJECT_ID=${DEFAULT_PROJECT}\n`;
  return `${kept}\n# What clients must send as their API key; written by \`npm start\`.\nGATEWAY_API_KEY=${key}\n${project}`;
}
