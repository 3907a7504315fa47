// What must not be deployed.
import { gatewayConfigError } from "./dev-vars.mjs";

const PLACEHOLDER_ID = /^0{8}-0{4}-0{4}-0{4}-0{12}$/;

/** The Durable Objects that the gateway needs: their bindings and classes. */
export const DURABLE_OBJECTS = { LEDGER: "LedgerObject", HEALTH: "HealthObject" };

/** Reasons, for a person, why this must not be deployed. `config`: wrangler.toml as read; `secretNames`: those of the deployed worker. */
export function refusals({ config, secretNames }) {
  const reasons = [];
  const vars = config.vars ?? {};
  if ("GATEWAY_DEMO" in vars) {
    reasons.push("GATEWAY_DEMO is set in wrangler.toml: it opens the gateway to anyone. It belongs in .dev.vars alone.");
  }
  if (secretNames.includes("GATEWAY_DEMO")) {
    reasons.push("GATEWAY_DEMO is a secret of the deployed worker (was .dev.vars uploaded?): run `npx wrangler secret delete GATEWAY_DEMO`.");
  }
  for (const name of Object.keys(vars).filter((name) => /_API_KEY$/.test(name))) {
    reasons.push(`${name} is set in wrangler.toml, in the open: remove it there and run \`npx wrangler secret put ${name}\`.`);
  }
  for (const { binding, database_id: id } of config.d1_databases ?? []) {
    if (!id || PLACEHOLDER_ID.test(id)) {
      reasons.push(`The database_id of ${binding} in wrangler.toml is still the placeholder: run \`npx wrangler d1 create opengateway\` and write the id that it prints there.`);
    }
  }
  const bindings = config.durable_objects?.bindings ?? [];
  const sqliteClasses = (config.migrations ?? []).flatMap((migration) => migration.new_sqlite_classes ?? []);
  for (const [name, className] of Object.entries(DURABLE_OBJECTS)) {
    if (!bindings.some((binding) => binding.name === name && binding.class_name === className)) {
      reasons.push(`wrangler.toml has no binding ${name} of the class ${className} under durable_objects.bindings.`);
    }
    if (!sqliteClasses.includes(className)) {
      reasons.push(`wrangler.toml has no migration with ${className} in new_sqlite_classes: its storage is SQLite.`);
    }
  }
  const configError = gatewayConfigError(vars);
  if (configError) reasons.push(`${configError} (in wrangler.toml)`);
  return reasons;
}
