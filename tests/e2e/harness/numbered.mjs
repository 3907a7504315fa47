// A stage for thousands of small requests at one isolate: each has a number, by which the providers know what they are to do
// with it, and which no other request has.

import { user } from './requests.mjs';
import { setScene } from './scene.mjs';

/** Requests at a time: enough to keep both sides busy, few enough that none of them waits for long. */
const AT_A_TIME = 32;

/** All have the same length: what is estimated of a prompt is the same for all. */
const questionOf = (number) => `question ${String(number).padStart(6, '0')}`;

/** The providers, as `GATEWAY_CONFIG` has them. They take any model, too, each of which has a health of its own. */
const PROVIDERS = {
  alpha: { stream_usage: 'in_last_choice' },
  beta: { stream_usage: 'trailing' },
  gamma: { stream_usage: 'in_last_choice', prefill: 'assistant' },
};

/** `models` are known at all of them, at 1 and 2 dollars for a million tokens. */
const gatewayConfig = (upstream, models) => JSON.stringify({
  providers: Object.fromEntries(Object.entries(PROVIDERS).map(([id, row]) => [id, {
    base_url: upstream.baseUrl(id),
    key: `${id.toUpperCase()}_API_KEY`,
    // Their streams are OpenAI's: what need not be rewritten is relayed natively.
    mends: [],
    models: models.map((model) => ({ id: model, upstream_id: `${id}/${model}-1`, input_usd_per_mtok: 1, output_usd_per_mtok: 2 })),
    ...row,
  }])),
});

/**
 * A scene with `scene.ask(behaviours, fields)`, where `behaviours` are what the providers do with it, by their ids.
 * `scene.begin` is the same, and resolves with the connection at the answer's head.
 */
export function setNumberedScene({ models = [], vars } = {}) {
  const scripts = new Map();
  let questions = 0;
  const answer = (exchange) => {
    const question = exchange.json.messages.find(({ role }) => role === 'user').content;
    return scripts.get(question)[exchange.record.provider](exchange);
  };
  const scene = setScene({
    providers: Object.keys(PROVIDERS),
    isolates: 1,
    vars: (upstream) => {
      upstream.everywhere(answer);
      return { GATEWAY_CONFIG: gatewayConfig(upstream, models), HEDGE_AFTER_MS: '0', ...vars };
    },
    together: true,
  });
  scene.begin = (behaviours, fields) => {
    const question = questionOf((questions += 1));
    scripts.set(question, behaviours);
    scene.client ??= scene.gateway.freshClient();
    return scene.client.openChat({ stream: true, messages: [user(question)], ...fields });
  };
  scene.ask = async (...request) => {
    const connection = await scene.begin(...request);
    const reply = await connection.finished();
    connection.leave();
    return reply;
  };
  return scene;
}

/** Does it with each of them, some at a time; resolves with what came of each. */
export async function withEach(all, act) {
  const results = [];
  const next = all.entries();
  await Promise.all(Array.from({ length: AT_A_TIME }, async () => {
    for (const [n, one] of next) results[n] = await act(one, n);
  }));
  return results;
}
