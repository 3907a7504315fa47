// The worker's main module: what the platform calls, and how the worker goes on after a trap. The build puts it in the
// place of worker-build's own, which makes three proxies and some fifteen functions for each request.
//
// A trap ends an instance of WebAssembly. wasm-bindgen's glue (`index.js`, which lies beside this file when it is bundled)
// takes note of it, and the next call of anything that WebAssembly exports makes a new instance. Where that call is a
// callback of the dead one, it would hand pointers of the old memory to the new one: hence `revive` at once.

import { __worker_init_state, fetch, HealthObject as Health, LedgerObject as Ledger, scheduled } from './index.js';

/** Makes a new instance where the last one has trapped. Any call does; this one is cheap. */
const revive = () => __worker_init_state();

/** Counts the instances in `instanceId`; the crate `worker` keeps it. */
const life = __worker_init_state();

// What traps in a task comes here: `platform.js` sees to it.
addEventListener('error', ({ error }) => {
  if (error instanceof WebAssembly.RuntimeError) console.error('Critical', error);
  revive();
});

function reviving(call) {
  try {
    return call();
  } catch (error) {
    revive();
    throw error;
  }
}

export default {
  fetch: (request, env, context) => reviving(() => fetch(request, env, context)),
  scheduled: (event, env, context) => reviving(() => scheduled(event, env, context)),
};

/** A Durable Object. It ends with the instance that it lives in, and is then made anew from its storage. */
class Living {
  constructor(Inner, state, env) {
    this.make = () => new Inner(state, env);
    this.instanceId = 0;
    this.inner();
  }

  inner() {
    revive();
    if (this.instanceId !== life.instanceId) {
      this.object = reviving(this.make);
      this.instanceId = life.instanceId;
    }
    return this.object;
  }

  fetch(request) {
    const object = this.inner();
    return reviving(() => object.fetch(request));
  }
}

export class HealthObject extends Living {
  constructor(state, env) {
    super(Health, state, env);
  }
}

export class LedgerObject extends Living {
  constructor(state, env) {
    super(Ledger, state, env);
  }

  alarm() {
    const object = this.inner();
    return reviving(() => object.alarm());
  }
}
