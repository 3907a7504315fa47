// What the duties of a gateway cost by themselves: a worker of plain JavaScript that does for one provider what the gateway
// does for a request that is not streamed, and keeps no accounts. It reads and parses the body, asks the provider with a
// timeout and an abort, reads and parses the answer, adds to it, and tells the same in headers, in a task of its own.

const WHOLE_REPLY_MS = 120_000;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

async function answer(request, env, id) {
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
    const answered = answer(request, env, crypto.randomUUID());
    // The task must outlive a client that leaves.
    context.waitUntil(answered);
    return answered;
  },
};
