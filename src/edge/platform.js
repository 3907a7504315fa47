// What Rust asks of the platform in one call instead of many. Each crossing between WebAssembly and JavaScript, each
// string that crosses and each object of the platform costs more than most of what the gateway does with it.

// A list of strings crosses as one text. No header may hold this character, and no URL does.
const SEPARATOR = '\0';

// Names are lower-case, and of two headers of one name the later one counts.
function headersOf(text) {
  const parts = text.split(SEPARATOR);
  const headers = {};
  for (let i = 0; i + 1 < parts.length; i += 2) headers[parts[i]] = parts[i + 1];
  return headers;
}

/** Random bytes, many at a time. */
export const entropy = (bytes) => crypto.getRandomValues(new Uint8Array(bytes));

/** Method, URL, and these headers of a request, in this order; one that is not there is empty. */
export function head(request) {
  const headers = request.headers;
  const authorization = headers.get('authorization') ?? '';
  // A bearer key is taken before this one, so it is not even read then.
  const apiKey = /^bearer /i.test(authorization) ? '' : (headers.get('x-api-key') ?? '');
  return [
    request.method,
    request.url,
    authorization,
    apiKey,
    headers.get('content-length') ?? '',
    headers.get('x-gateway-project-id') ?? '',
    headers.get('openai-project') ?? '',
    headers.get('origin') ?? '',
    headers.get('x-opengateway-failover-sequence') ?? '',
    headers.get('x-gateway-timeout') ?? '',
    headers.get('x-opengateway-timeout') ?? '',
    headers.get('x-gateway-first-token-timeout') ?? '',
    headers.get('x-gateway-stream-idle-timeout') ?? '',
    headers.get('x-opengateway-vllm-endpoint') ?? '',
    headers.get('x-opengateway-vllm-api-key') ?? '',
  ].join(SEPARATOR);
}

/** Whether the client is known to have left. The signal is only there with `enable_request_signal`. */
export const gone = (request) => request.signal?.aborted === true;

// A listener costs several times as much as the one handler, so a request has that for all of its calls.
function onLeaving(request, client, controller) {
  if (request.calls) {
    request.calls.push(controller);
    return;
  }
  request.calls = [controller];
  client.onabort = () => request.calls.forEach((call) => call.abort());
}

function abortWith(request, controller) {
  const client = request.signal;
  if (client?.aborted) controller.abort();
  else if (client) onLeaving(request, client, controller);
}

/**
 * Sends `body`: a stream, or bytes, which are a view of WebAssembly's memory that moves: hence the copy. The call is aborted
 * by `controller`, and by the leaving of the client who sent `request`.
 */
export function send(url, headers, body, controller, request) {
  abortWith(request, controller);
  return fetch(url, {
    method: 'POST',
    headers: headersOf(headers),
    body: body instanceof Uint8Array ? body.slice() : body,
    redirect: 'manual',
    signal: controller.signal,
  });
}

// The same body as a stream of bytes, whoever made it, that `signal` breaks off. A pipe does not do: workerd's look at a signal
// between two reads alone.
function breakable(body, signal) {
  const reader = body.getReader();
  const stop = () => reader.cancel().catch(nothing);
  if (signal.aborted) stop();
  else signal.onabort = stop;
  return new ReadableStream({
    type: 'bytes',
    async pull(controller) {
      let read = await reader.read();
      while (!read.done && read.value.length === 0) read = await reader.read();
      if (!read.done) return controller.enqueue(read.value);
      controller.close();
      controller.byobRequest?.respond(0);
    },
    cancel: stop,
  });
}

/**
 * Asks a model of Workers AI through the binding. What it throws becomes a reply, so that it is judged like any other. The binding
 * takes no signal, so it answers a call that was given up, too; its body is broken off.
 */
export async function runModel(env, model, body, controller, request) {
  abortWith(request, controller);
  const { model: _, ...inputs } = JSON.parse(body);
  try {
    const told = await env.AI.run(model, inputs, { returnRawResponse: true });
    const reply = told instanceof ReadableStream ? new Response(told, { headers: { 'content-type': 'text/event-stream' } })
      : told instanceof Response ? told : Response.json(told);
    const { status, headers } = reply;
    return new Response(reply.body && breakable(reply.body, controller.signal), { status, headers });
  } catch (error) {
    // "3040: Capacity temporarily exceeded, please try again."
    const text = typeof error?.message === 'string' ? error.message : typeof error === 'string' ? error : '';
    const [, code = '', message] = /^(?:(\d{4}): )?(.*)$/s.exec(text);
    return Response.json({ errors: [{ code, message }] }, { status: 500 });
  }
}

// The lists of `names` in src/dialect/headroom.rs, in the order of `QuotaHeaders`: what is left, and its reset.
const QUOTA = [
  [],
  ['x-ratelimit-remaining-requests', 'x-ratelimit-remaining-tokens'],
  ['x-ratelimit-remaining-requests-day', 'x-ratelimit-remaining-requests-minute', 'x-ratelimit-remaining-tokens-minute'],
  ['x-ratelimit-remaining-requests', 'x-ratelimit-remaining-requests-day'],
  ['x-ratelimit-remaining-req-minute', 'x-ratelimit-remaining-tokens-minute'],
  ['x-ratelimit-remaining-requests', 'x-ratelimit-remaining-tokens-prompt'],
  ['x-ratelimit-remaining', 'x-tokenlimit-remaining'],
  ['anthropic-ratelimit-requests-remaining', 'anthropic-ratelimit-tokens-remaining'],
].map((names) => names.map((left) => [left, left.replace('remaining', 'reset')]));

/** The status, these headers of a provider's reply and those of its list, in order; one that is not there is empty. */
export function replyHead(response, quota) {
  const headers = response.headers;
  const head = [
    response.status,
    headers.get('content-length') ?? '',
    headers.get('content-encoding') ?? '',
    headers.get('content-type') ?? '',
  ];
  for (const [left, reset] of QUOTA[quota]) {
    const value = headers.get(left);
    // A provider that does not tell the one does not tell the other.
    head.push(value ?? '', value && (headers.get(reset) ?? ''));
  }
  return head.join(SEPARATOR);
}

/** A response with a body of bytes, which are a view of WebAssembly's memory. */
export function respond(status, headers, body) {
  return new Response(body.slice(), { status, headers: headersOf(headers) });
}

/** A response that streams, or that has no body. */
export function respondWith(status, headers, stream) {
  return new Response(stream, { status, headers: headersOf(headers) });
}

// The promises that tasks have still to settle, each with the `resume` of its instance.
const owed = new Set();

/** A promise that `pay` settles. It is rejected when the instance of `resume` has ended. */
export function owe(resume) {
  const debt = { ...Promise.withResolvers(), resume };
  owed.add(debt);
  return debt;
}

export function pay(debt, value) {
  owed.delete(debt);
  debt.resolve(value);
}

// A trap ends the instance and all its tasks, and what is thrown in a promise's reaction goes nowhere: without this
// their clients would wait until a timer runs out, or for ever. `main.js` makes a new instance when it sees the error,
// which it does if a microtask throws it.
function call(resume, id, well, value) {
  if (resume.ended) return;
  try {
    resume(id, well, value);
  } catch (error) {
    resume.ended = true;
    for (const debt of owed) {
      if (debt.resume !== resume) continue;
      owed.delete(debt);
      debt.reject(error);
    }
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** Calls `resume(id, settled well, value or reason)` once. */
export function settle(promise, id, resume) {
  promise.then(
    (value) => call(resume, id, true, value),
    (reason) => call(resume, id, false, reason),
  );
}

/** Calls `resume(id, true)` after `ms`. */
export function wake(ms, id, resume) {
  return setTimeout(call, ms, resume, id, true);
}

/** Reads into the buffer of `last`, what was read before, or into a new one of so many bytes. */
export const readOn = (reader, last, bytes) => reader.read(new Uint8Array(last?.buffer ?? bytes));

// How a gzip file begins that has a name (RFC 1952). What follows is that name, up to a zero byte. No event stream has one,
// so all of it is name: read, and passed over.
const GZIP_NAME = Uint8Array.of(0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 255);

const nothing = () => {};

/**
 * Lets the platform read on in `body` while nobody does, without waking the isolate: what comes meanwhile piles up behind
 * `reader`, and one read takes all of it. A fetched body by itself gives one chunk a read, however many have come. So
 * it is teed, and what reads on is a pipe from the other branch to where nothing comes out. Of all that the platform has only a
 * decompressor takes bytes without giving any, and without the isolate. It is `over` at the end of the body, when it is
 * stopped, and behind a zero byte.
 */
export function readAhead(body) {
  const [ahead, rest] = body.tee();
  const nowhere = new DecompressionStream('gzip');
  const writer = nowhere.writable.getWriter();
  writer.write(GZIP_NAME).catch(nothing);
  writer.releaseLock();
  const outlet = nowhere.readable.getReader();
  const stop = () => void outlet.cancel().catch(nothing);
  const reading = { reader: rest.getReader({ mode: 'byob' }), over: false, stop };
  const end = () => { reading.over = true; };
  // Behind a zero byte something might come out after all, and nobody would take it: then the pipe ends.
  outlet.read().then(stop, nothing);
  ahead.pipeTo(nowhere.writable, { preventAbort: true, preventClose: true }).then(end, end);
  return reading;
}
