// The built worker as Miniflare takes it. worker-build writes `build/index.js` (one bundled module) and
// `build/index_bg.wasm`; nothing else in `build/` is part of the worker.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** Another build can be tested in place of `build/`. */
const BUILD = path.resolve(ROOT, process.env.GATEWAY_BUILD_DIR ?? 'build');

export const COMPATIBILITY = { compatibilityDate: '2026-07-30', compatibilityFlags: ['enable_request_signal'] };

/** @returns Miniflare's `modules` of the built worker. */
export function builtModules() {
  const script = read('index.js');
  if (!script.includes('index_bg.wasm')) return [{ type: 'ESModule', path: 'index.js', contents: script.toString() }];
  return [
    { type: 'ESModule', path: 'index.js', contents: script.toString() },
    { type: 'CompiledWasm', path: 'index_bg.wasm', contents: read('index_bg.wasm') },
  ];
}

function read(name) {
  const file = path.join(BUILD, name);
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new Error(`${file} is missing: run "npm run build" first`, { cause });
  }
}
