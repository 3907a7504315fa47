// What the duties of a gateway cost by themselves: a worker of plain JavaScript that does for one provider what the gateway
// does for a request that is not streamed. It reads and parses the body, asks the provider with a timeout and an abort,
// reads and parses the answer, adds to it, and tells the same in headers, in a task of its own. Where it has an object
// LEDGER it also keeps accounts as the gateway does: records in groups to the object, from there into D1 by the gateway's
// own statements. It routes nothing, and nothing of it survives a fault.

const WHOLE_REPLY_MS = 120_000;
/** Between the messages of an isolate, as in `accounts/courier.rs`. */
const PACE_MS = 50;
const FLUSH_MS = 1000;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What no message holds yet. */
let records = [];
let courier = null;
let lastMs = 0;

/** Sends what there is, one message after the other. Whoever adds the first record does it for those who come meanwhile. */
async function deliver(env) {
  for (; records.length > 0; lastMs = Date.now()) {
    const wait = lastMs + PACE_MS - Date.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    const body = `[${records.splice(0).join(',')}]`;
    await env.LEDGER.getByName('bench').fetch('https://ledger/', { method: 'POST', body });
  }
  courier = null;
}

function account(env, context, id, began, usage) {
  if (!env.LEDGER) return;
  records.push(JSON.stringify({
    id, project_id: 'bench', created_at: began, requested_model: 'groq/gpt-oss-120b', model: 'openai/gpt-oss-120b',
    provider: 'groq', upstream_model: 'openai/gpt-oss-120b', stream: 0, status: 200, error_class: null, attempts: 1,
    prompt_tokens: usage.prompt_tokens, completion_tokens: usage.completion_tokens, cached_tokens: 0, reasoning_tokens: 0,
    cost_pico_usd: 1_230_000_000, estimated: 0, latency_ms: Date.now() - began, ttft_ms: null, trail: 'groq/gpt-oss-120b=200',
  }));
  if (courier === null) context.waitUntil((courier = deliver(env)));
}

/** Keeps messages until its alarm has written them. */
export class Ledger {
  constructor(state, env) {
    this.storage = state.storage;
    this.env = env;
    this.messages = 0;
    this.rowsWritten = 0;
    this.storage.sql.exec('CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY, records TEXT NOT NULL)');
  }

  async fetch(request) {
    if (request.method === 'GET') {
      const [[waiting]] = this.storage.sql.exec('SELECT count(*) FROM outbox').raw();
      return Response.json({ waiting_records: waiting, messages: this.messages, d1_rows_written: this.rowsWritten });
    }
    this.messages += 1;
    this.storage.sql.exec('INSERT INTO outbox (records) VALUES (?)', await request.text());
    if ((await this.storage.getAlarm()) === null) this.storage.setAlarm(Date.now() + FLUSH_MS);
    return new Response(null, { status: 204 });
  }

  async alarm() {
    const messages = [...this.storage.sql.exec('SELECT id, records FROM outbox ORDER BY id').raw()];
    const all = `[${messages.map(([, text]) => text.slice(1, -1)).join(',')}]`;
    const { DB, ROLLUP, INSERT } = this.env;
    const outcomes = await DB.batch([DB.prepare(ROLLUP).bind(all), DB.prepare(INSERT).bind(all)]);
    for (const { meta } of outcomes) this.rowsWritten += meta.rows_written;
    this.storage.sql.exec('DELETE FROM outbox WHERE id <= ?', messages.at(-1)[0]);
  }
}

async function answer(request, env, context, id) {
  const began = Date.now();
  const question = JSON.parse(decoder.decode(await request.arrayBuffer()));
  question.model = 'openai/gpt-oss-120b';
  const call = new AbortController();
  request.signal.addEventListener('abort', () => call.abort(), { once: true });
  const timer = setTimeout(() => call.abort(), WHOLE_REPLY_MS);
  const reply = await fetch(env.UPSTREAM, {
    method: 'POST',
    redirect: 'manual',
    signal: call.signal,
    headers: { 'content-type': 'application/json', accept: 'application/json', 'user-agent': 'floor', authorization: `Bearer ${env.KEY}` },
    body: encoder.encode(JSON.stringify(question)),
  });
  const whole = JSON.parse(decoder.decode(await reply.arrayBuffer()));
  clearTimeout(timer);
  whole.usage.cost_usd_total = 0.00123;
  account(env, context, id, began, whole.usage);
  whole.metadata = { used_provider: 'groq', used_model: 'gpt-oss-120b', routing: [{ provider: 'groq', status_code: reply.status, succeeded: true }] };
  return new Response(encoder.encode(JSON.stringify(whole)), {
    headers: {
      'x-gateway-request-id': id,
      'x-request-id': id,
      'x-gateway-attempts': '1',
      'x-gateway-trail': 'groq/gpt-oss-120b=200',
      'x-gateway-provider': 'groq',
      'x-gateway-model': 'openai/gpt-oss-120b',
      'x-gateway-reasoning-effort': 'none',
      'x-gateway-cost-usd': '0.00123',
      'content-type': 'application/json',
    },
  });
}

export default {
  fetch(request, env, context) {
    if (request.headers.get('authorization') !== `Bearer ${env.KEY}`) return new Response(null, { status: 401 });
    const answered = answer(request, env, context, crypto.randomUUID());
    // The task must outlive a client that leaves.
    context.waitUntil(answered);
    return answered;
  },
};
