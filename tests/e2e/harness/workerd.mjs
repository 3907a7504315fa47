// A workerd process with workers that answer on sockets of their own: no proxy in front, so what a client reads is what
// the worker wrote, and what the process uses is what the worker used.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Miniflare } from 'miniflare';
import { COMPATIBILITY, ROOT } from './bundle.mjs';
import { childProcesses } from './process.mjs';

/** The Durable Objects: their bindings and classes, as in wrangler.toml. */
const OBJECTS = { LEDGER: 'LedgerObject', HEALTH: 'HealthObject' };

/**
 * @param isolates how many copies of the worker there are, each with its own memory.
 * @param withDatabase whether they have the binding `DB`, all the same one, with the migrations applied.
 * @param objects the bindings of Durable Objects to their classes; each isolate has its own objects, unless
 * `sharedObjects` lets all of them use those of the first one.
 * @param wrappedBindings bindings that other workers make in the same isolate, as Miniflare takes them.
 * @param v8Flags flags of V8, which Miniflare takes from the environment alone.
 * @param inspector whether V8's inspector listens, for debugging protocols.
 * @param otherWorkers more workers in the same process, for bindings that lead elsewhere: `{name, modules, ...}`.
 * @returns `{urls, pid, inspectorUrl, database, object, evict, output, scheduled, dispose}`; `output` collects what workerd prints,
 * and `inspectorUrl` is where V8's inspector is, each isolate at its name.
 */
export async function startWorkerd({
  modules, bindings = {}, isolates = 1, withDatabase = true, objects = OBJECTS, sharedObjects = false, otherWorkers = [],
  v8Flags = '', inspector = false, wrappedBindings = {},
}) {
  const names = Array.from({ length: isolates }, (_, i) => `gateway-${i}`);
  const output = [];
  const before = childProcesses('workerd');
  const ownerOf = (name) => (sharedObjects ? names[0] : name);
  const durableObjects = (name) => Object.fromEntries(Object.entries(objects).map(([binding, object]) => {
    const designator = typeof object === 'string' ? { className: object, scriptName: ownerOf(name) } : object;
    return [binding, { useSQLite: true, ...designator, ...(designator.scriptName === name ? { scriptName: undefined } : {}) }];
  }));
  process.env.MINIFLARE_WORKERD_V8_FLAGS = v8Flags;
  const miniflare = new Miniflare({
    host: '127.0.0.1',
    port: 0,
    ...(inspector ? { inspectorPort: 0 } : {}),
    handleRuntimeStdio: (stdout, stderr) => [stdout, stderr].forEach((pipe) => pipe.on('data', (data) => output.push(data))),
    workers: [...names.map((name) => ({
      name,
      modules,
      ...COMPATIBILITY,
      bindings,
      durableObjects: durableObjects(name),
      wrappedBindings,
      ...(withDatabase ? { d1Databases: { DB: 'gateway' } } : {}),
      unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
    })), ...otherWorkers.map((worker) => ({ ...COMPATIBILITY, ...worker }))],
  });
  await miniflare.ready;
  const database = withDatabase ? await miniflare.getD1Database('DB', names[0]) : null;
  if (database !== null) await applyMigrations(database);
  return {
    urls: await Promise.all(names.map(async (name) => (await miniflare.unsafeGetDirectURL(name)).origin)),
    pid: childProcesses('workerd').find((child) => !before.includes(child)),
    inspectorUrl: inspector ? (await miniflare.getInspectorURL()).origin : null,
    database,
    /** The stub of an object, as an isolate sees it. */
    object: async (binding, name, isolate = 0) => (await miniflare.getDurableObjectNamespace(binding, names[isolate])).getByName(name),
    /** Throws an object out of memory; its storage stays. */
    evict: (binding, name, isolate = 0) => miniflare.unsafeEvictDurableObject(ownerOf(names[isolate]), objects[binding], { name }),
    output,
    /** Runs the cron trigger as if it were that time, in milliseconds. */
    scheduled: async (time) => (await miniflare.getWorker(names[0])).scheduled({ cron: '17 3 * * *', scheduledTime: new Date(time) }),
    dispose: () => miniflare.dispose(),
  };
}

async function applyMigrations(database) {
  const folder = path.join(ROOT, 'migrations');
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.sql')).sort()) {
    const sql = readFileSync(path.join(folder, file), 'utf8').replace(/--.*$/gm, '');
    for (const statement of sql.split(';').map((part) => part.trim()).filter(Boolean)) {
      await database.prepare(statement).run();
    }
  }
}
