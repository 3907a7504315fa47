// Streams on the raw bytes: what is relayed, what is added or taken out, and how every way of breaking off ends.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ask, askInOrder, assertError, OPENAI_MODEL, SHARED_MODEL, trailOf, user } from './harness/requests.mjs';
import { setScene } from './harness/scene.mjs';
import { dataOf, readStream } from './harness/sse.mjs';
import {
  answer, emptyBody, every, headersThenSilence, html, multiLine, neverAnswer, singleBytes, stream, tokenStream,
} from './upstream/behaviours.mjs';
import { chunk, tokens, USAGE } from './upstream/payloads.mjs';
import {
  comment, destroyed, done, endOfBody, errorEvent, event, finish, gate, hold, pause, raw, reasoning, reset, role, silence, text, trailingUsage,
} from './upstream/steps.mjs';

const NATIVE = `groq/${SHARED_MODEL}`;
const DONE = 'data: [DONE]\n\n';
const CONTENT = tokens(12);
const WHOLE = CONTENT.join('');

const streamed = (model, fields = {}) => ask({ model, stream: true, ...fields });

/** Checks that a stream ended as a failure that every client sees: an error event last, no stop, no `[DONE]`. */
function assertCut(reply, content) {
  assert.equal(reply.status, 200);
  const told = readStream(reply.text);
  assert.equal(told.content, content);
  assert.ok(told.error, `no error event in ${reply.text.slice(-300)}`);
  assert.equal(typeof told.error.message, 'string');
  assert.deepEqual(told.finishReasons, []);
  assert.equal(told.dones, 0);
  assert.equal(JSON.parse(told.last).error.message, told.error.message, 'the error is the last event');
  assert.ok(reply.text.endsWith('\n\n'), 'the error event is complete');
}

describe('a stream that needs no change', () => {
  const scene = setScene({ providers: ['groq', 'cerebras'], isolates: 10 });
  const upstreamBytes = () => scene.upstream.requests('groq')[0].sent.toString('utf8');

  const shapes = {
    'as providers send it': {},
    'with CRLF line ends': { eol: '\r\n' },
    'with every byte on its own': { pieces: singleBytes },
    'split in the middle of characters and line ends': { pieces: every(7), eol: '\r\n' },
    'with data over several lines': { layout: multiLine },
  };
  for (const [name, options] of Object.entries(shapes)) {
    test(`reaches the client byte for byte ${name}`, async () => {
      scene.upstream.always('groq', tokenStream({ content: CONTENT, ...options }));
      const reply = await scene.client.chat(streamed(NATIVE));
      assert.equal(reply.status, 200, reply.text);
      assert.match(reply.headers['content-type'], /^text\/event-stream/);
      assert.equal(reply.headers['x-gateway-provider'], 'groq');
      assert.equal(reply.text, upstreamBytes());
      assert.equal(reply.complete, true);
      const { content, finishReasons, dones } = readStream(reply.text);
      assert.deepEqual([content, finishReasons, dones], [WHOLE, ['stop'], 1]);
    });
  }

  test('keeps comments and foreign events', async () => {
    scene.upstream.always('groq', stream([
      comment('processing'), comment(), role(), raw('event: ping\ndata: {"type":"ping","choices":[]}\n\n'), text(...CONTENT),
      comment(), finish('stop', USAGE), done(),
    ]));
    const reply = await scene.client.chat(streamed(NATIVE));
    assert.equal(reply.text, upstreamBytes());
  });

  test('gets the [DONE] that its provider forgot, once', async () => {
    scene.upstream.always('groq', stream([role(), text(...CONTENT), finish('stop', USAGE)]));
    const reply = await scene.client.chat(streamed(NATIVE));
    assert.equal(reply.text, upstreamBytes() + DONE);
  });

  test('comes while it is made, not when it is done', async () => {
    const halfway = gate();
    scene.upstream.always('groq', stream([role(), text('first'), hold(halfway), text(' second'), finish('stop', USAGE), done()]));
    const connection = await scene.client.openChat(streamed(NATIVE));
    await connection.untilBody('first');
    assert.doesNotMatch(connection.text, /second/);
    halfway.open();
    assert.equal(readStream((await connection.finished()).text).content, 'first second');
  });

  test('is not mixed up with others of the same time', async () => {
    scene.upstream.always('groq', (exchange) => tokenStream({ content: tokens(30).map((token) => `${token}/${exchange.json.messages[0].content}`) })(exchange));
    await Promise.all(Array.from({ length: 20 }, async (_, i) => {
      const reply = await scene.client.chat(streamed(NATIVE, { messages: [user(`question ${i}`)] }));
      assert.equal(readStream(reply.text).content, tokens(30).map((token) => `${token}/question ${i}`).join(''));
    }));
  });

  test('of thousands of tokens is whole', async () => {
    const content = tokens(3000);
    scene.upstream.always('groq', tokenStream({ content }));
    assert.equal(readStream((await scene.client.chat(streamed(NATIVE))).text).content, content.join(''));
  });
});

describe('a stream that is rewritten', () => {
  const scene = setScene({ providers: ['openai', 'openrouter'] });

  test('loses the usage chunk that the client did not ask for, and the gateway did', async () => {
    scene.upstream.always('openai', tokenStream({ content: CONTENT }));
    const reply = await scene.client.chat(streamed(OPENAI_MODEL));
    const [seen] = scene.upstream.requests('openai');
    assert.equal(seen.json.stream_options.include_usage, true);
    assert.match(seen.sent.toString(), /"usage":\{/, 'the provider did send it');
    const told = readStream(reply.text);
    assert.deepEqual([told.content, told.finishReasons, told.dones, told.usage], [WHOLE, ['stop'], 1, undefined]);
    assert.ok(told.chunks.every(({ choices }) => choices.length === 1));
  });

  test('keeps the usage chunk that the client asked for', async () => {
    scene.upstream.always('openai', tokenStream({ content: CONTENT }));
    const reply = await scene.client.chat(streamed(OPENAI_MODEL, { stream_options: { include_usage: true } }));
    assert.equal(reply.text, scene.upstream.requests('openai')[0].sent.toString());
    assert.deepEqual(readStream(reply.text).usage, USAGE);
  });

  for (const [name, options] of Object.entries({
    'CRLF': { eol: '\r\n' }, 'single bytes': { pieces: singleBytes }, 'split characters': { pieces: every(5) }, 'several lines': { layout: multiLine },
  })) {
    test(`survives ${name}`, async () => {
      scene.upstream.always('openai', tokenStream({ content: CONTENT, ...options }));
      const told = readStream((await scene.client.chat(streamed(OPENAI_MODEL))).text);
      assert.deepEqual([told.content, told.finishReasons, told.dones, told.usage], [WHOLE, ['stop'], 1, undefined]);
    });
  }

  test('gets a missing [DONE], and keeps its comments', async () => {
    scene.upstream.always('openrouter', stream([
      comment('OPENROUTER PROCESSING'), comment('OPENROUTER PROCESSING'), role(), text(...CONTENT), finish(), trailingUsage(USAGE),
    ]));
    const reply = await scene.client.chat(streamed(`openrouter/${SHARED_MODEL}`));
    const told = readStream(reply.text);
    assert.deepEqual([told.content, told.dones, told.last], [WHOLE, 1, '[DONE]']);
  });

  test('that is cut ends with an error event', async () => {
    for (const cut of [destroyed(), endOfBody()]) {
      scene.upstream.always('openai', stream([role(), text('half', ' an'), cut]));
      assertCut(await scene.client.chat(streamed(OPENAI_MODEL)), 'half an');
    }
  });
});

describe('a stream that breaks off', () => {
  const scene = setScene({ providers: ['groq'] });
  const cuts = {
    'because the socket was closed': [destroyed()],
    'although HTTP ended properly': [endOfBody()],
    'in the middle of an event': [raw('data: {"id":"x","choices":[{"index":0,"del'), destroyed()],
    'in the middle of a character': [raw(Buffer.from('data: {"choices":[{"delta":{"content":"漢').subarray(0, -1)), endOfBody()],
  };
  for (const [name, steps] of Object.entries(cuts)) {
    test(`${name} ends with an error event`, async () => {
      scene.upstream.always('groq', stream([role(), text(...CONTENT), ...steps]));
      const reply = await scene.client.chat(streamed(NATIVE));
      assert.ok(JSON.parse(dataOf(reply.text).at(-1)).error, reply.text.slice(-300));
      assert.ok(reply.text.startsWith(scene.upstream.requests('groq')[0].sent.toString('utf8').slice(0, 500)));
      assert.ok(!reply.text.includes('[DONE]') && !reply.text.includes('"finish_reason":"stop"'));
    });
  }

  test('because the connection was reset ends with an error event', async () => {
    const seen = gate();
    scene.upstream.always('groq', stream([role(), text('half', ' an'), hold(seen), reset()]));
    const connection = await scene.client.openChat(streamed(NATIVE));
    await connection.untilBody(' an');
    seen.open();
    assertCut(await connection.finished(), 'half an');
  });

  test('with its whole text said is still told as a cut', async () => {
    scene.upstream.always('groq', stream([role(), text(...CONTENT), endOfBody()]));
    assertCut(await scene.client.chat(streamed(NATIVE)), WHOLE);
  });

  test('with an error of the provider\'s tells it once more or passes it on, and never stops well', async () => {
    scene.upstream.always('groq', stream([role(), text('half'), errorEvent('the model crashed'), endOfBody()]));
    const reply = await scene.client.chat(streamed(NATIVE));
    const told = readStream(reply.text);
    assert.equal(told.content, 'half');
    assert.match(told.error.message, /crashed/);
    assert.deepEqual([told.finishReasons, told.dones], [[], 0]);
  });
});

describe('a stream that fails without being cut', () => {
  const scene = setScene({ providers: ['openai'], isolates: 16 });
  const piece = (index, content) => event(chunk(null, { choices: [{ index, delta: { content }, finish_reason: null }] }));
  const end = (index) => event(chunk(null, { choices: [{ index, delta: {}, finish_reason: 'stop' }] }));

  const failures = {
    'whose finish reason says that the provider gave up': {
      steps: [text(' an'), finish('insufficient_system_resource'), done()], content: 'half an', errorClass: 'stream_cut',
    },
    'whose finish reason is an error': { steps: [finish('error'), done()], content: 'half', errorClass: 'stream_cut' },
    'with an event of the type error': {
      steps: [raw('event: error\ndata: {"message":"overloaded just now","type":"server_error","code":503}\n\n'), done()],
      content: 'half', errorClass: 'stream_cut',
    },
    'with an error event before its [DONE]': { steps: [errorEvent('overloaded just now'), done()], content: 'half', errorClass: 'stream_cut' },
    'with a choice that never began and a cut': {
      steps: [end(0), destroyed()], fields: { n: 2 }, content: 'half', errorClass: 'stream_cut',
    },
    'with a choice that never began and a proper end': { steps: [end(0)], fields: { n: 2 }, content: 'half', errorClass: 'stream_cut' },
    'with a choice that never ended': {
      steps: [piece(1, '+'), end(0)], fields: { n: 2 }, content: 'half+', errorClass: 'stream_cut',
    },
    'with a torn chunk in its middle': {
      steps: [raw('data: {"id":"x","choices":[{"index":0,"delta":{"content":"to\n\n'), text(' more'), finish(), done()],
      content: 'half', errorClass: { native: 'invalid_reply', rewritten: 'stream_cut' }, torn: true,
    },
  };
  for (const [name, { steps, fields, content, errorClass, torn }] of Object.entries(failures)) {
    test(`${name} is recorded as failed, and nothing well is added to it`, async () => {
      scene.upstream.always('openai', stream([role(), text('half'), ...steps]));
      const reply = await scene.client.chat(streamed(OPENAI_MODEL, { stream_options: { include_usage: true }, ...fields }));
      const sent = scene.upstream.requests('openai')[0].sent.toString();
      assert.ok(reply.text.startsWith(sent), 'the client has what the provider sent');
      const added = reply.text.slice(sent.length);
      assert.ok(!added.includes('[DONE]') && !added.includes('"stop"'), added);
      const row = await scene.gateway.row(reply.headers['x-request-id']);
      assert.deepEqual([row.status, row.error_class], [200, errorClass.native ?? errorClass]);
    });

    test(`${name} ends with an error event where it is rewritten`, async () => {
      scene.upstream.always('openai', stream([role(), text('half'), ...steps]));
      const reply = await scene.client.chat(streamed(OPENAI_MODEL, fields));
      const events = dataOf(reply.text);
      assert.ok(!events.includes('[DONE]'), reply.text.slice(-300));
      const last = JSON.parse(events.at(-1));
      assert.ok(last.error ?? last.message, `no error event: ${reply.text.slice(-300)}`);
      const told = events.slice(0, -1).map((data) => JSON.parse(data)).flatMap(({ choices }) => choices);
      assert.equal(told.map(({ delta }) => delta?.content ?? '').join(''), content);
      assert.ok(fields?.n === 2 || told.every(({ finish_reason }) => finish_reason === null), reply.text.slice(-300));
      if (torn) assert.ok(!reply.text.includes('"to') && !reply.text.includes(' more'), 'nothing stands behind the hole');
      const row = await scene.gateway.row(reply.headers['x-request-id']);
      assert.deepEqual([row.status, row.error_class], [200, errorClass.rewritten ?? errorClass]);
    });
  }
});

describe('an event stream under another name and with a length', () => {
  const scene = setScene({ providers: ['groq', 'cerebras', 'openai'], isolates: 4 });
  const eventOf = (delta, finish_reason = null) => `data: ${JSON.stringify(chunk(null, { delta, finish_reason }))}\n\n`;
  const whole = eventOf({ role: 'assistant', content: 'short' }) + eventOf({}, 'stop') + DONE;
  const cut = eventOf({ role: 'assistant', content: 'short' });
  const named = (body, type = 'text/plain') => (exchange) => exchange.respond(200, { 'content-type': type }, body);

  for (const [model, provider] of [[NATIVE, 'groq'], [OPENAI_MODEL, 'openai']]) {
    test(`is relayed whole (${provider})`, async () => {
      for (const type of ['text/plain', 'application/json', 'text/event-stream']) {
        scene.upstream.always(provider, named(whole, type));
        const reply = await scene.client.chat(streamed(model));
        const told = readStream(reply.text);
        assert.deepEqual([reply.status, reply.complete, told.content, told.finishReasons, told.dones], [200, true, 'short', ['stop'], 1]);
        assert.equal((await scene.gateway.row(reply.headers['x-request-id'])).error_class, null);
      }
    });

    test(`that is cut ends with an error event and harms nobody beside it (${provider})`, async () => {
      const onward = gate();
      const held = stream([role(), text('first'), hold(onward), text(' second'), finish('stop', USAGE), done()]);
      scene.upstream.always('cerebras', (exchange) => (exchange.json.stream ? held : answer())(exchange));
      const others = await Promise.all(Array.from({ length: 3 }, () => scene.client.openChat(streamed(`cerebras/${SHARED_MODEL}`))));
      await Promise.all(others.map((other) => other.untilBody('first')));
      scene.upstream.always(provider, named(cut));
      const [bad, wholes] = await Promise.all([streamed(model), ask({ model: `cerebras/${SHARED_MODEL}` })].map(
        (body) => Promise.all([scene.client.chat(body), scene.client.chat(body)]),
      ));
      onward.open();
      for (const reply of bad) assertCut(reply, 'short');
      for (const reply of wholes) assert.equal(reply.status, 200, reply.text);
      const ended = await Promise.all(others.map((other) => other.finished()));
      for (const reply of ended) {
        const told = readStream(reply.text);
        assert.deepEqual([told.content, told.finishReasons, told.dones], ['first second', ['stop'], 1]);
      }
      const rows = await Promise.all([...bad, ...wholes, ...ended].map(({ headers }) => scene.gateway.row(headers['x-request-id'])));
      assert.deepEqual(rows.map(({ error_class }) => error_class), ['stream_cut', 'stream_cut', null, null, null, null, null]);
    });
  }
});

describe('a stream whose connection stays open behind its [DONE]', () => {
  const scene = setScene({ providers: ['groq', 'openai'], vars: { STREAM_IDLE_TIMEOUT_MS: '60000', REASONING_STREAM_IDLE_TIMEOUT_MS: '60000' }, isolates: 4 });
  const all = `data: ${JSON.stringify(chunk(null, { delta: { content: 'short' }, finish_reason: 'stop' }))}\n\n${DONE}`;

  for (const [model, provider] of [[NATIVE, 'groq'], [OPENAI_MODEL, 'openai']]) {
    test(`ends at once where all came together (${provider})`, async () => {
      scene.upstream.always(provider, stream([raw(all), silence()]));
      const reply = await scene.client.chat(streamed(model));
      const told = readStream(reply.text);
      assert.deepEqual([reply.complete, told.content, told.dones], [true, 'short', 1]);
      await scene.upstream.aborted(provider);
      assert.equal((await scene.gateway.row(reply.headers['x-request-id'])).error_class, null);
    });

    test(`ends soon where it came later (${provider})`, async () => {
      const onward = gate();
      scene.upstream.always(provider, stream([role(), text('first'), hold(onward), text(' second'), finish('stop', USAGE), done(), silence()]));
      const connection = await scene.client.openChat(streamed(model));
      await connection.untilBody('first');
      onward.open();
      const told = readStream((await connection.finished()).text);
      assert.deepEqual([told.content, told.finishReasons, told.dones], ['first second', ['stop'], 1]);
      await scene.upstream.aborted(provider);
      assert.equal((await scene.gateway.row(connection.headers['x-request-id'])).error_class, null);
    });
  }
});

describe('a stream that stalls', () => {
  const scene = setScene({ providers: ['groq', 'openai'], vars: { STREAM_IDLE_TIMEOUT_MS: '500', REASONING_STREAM_IDLE_TIMEOUT_MS: '500' }, isolates: 2 });

  for (const model of [NATIVE, OPENAI_MODEL]) {
    test(`ends with an error event (${model})`, async () => {
      const provider = model === NATIVE ? 'groq' : 'openai';
      scene.upstream.always(provider, stream([role(), text('half', ' an'), silence()]));
      assertCut(await scene.client.chat(streamed(model)), 'half an');
      await scene.upstream.aborted(provider);
    });
  }
});

describe('a stream without a first token', () => {
  const TIMEOUTS = { FIRST_TOKEN_TIMEOUT_MS: '500', REASONING_FIRST_TOKEN_TIMEOUT_MS: '500' };
  const scene = setScene({ providers: ['groq', 'cerebras'], vars: TIMEOUTS, isolates: 16 });
  const failures = {
    'an error event': stream([errorEvent('overloaded')]),
    'a role, then an error event': stream([role(), errorEvent('overloaded')]),
    'an empty body': emptyBody({ 'content-type': 'text/event-stream' }),
    'no events': stream([]),
    'comments only': stream([comment(), comment()]),
    '[DONE] only': stream([done()]),
    'an HTML page': html(200),
    'a cut after the role': stream([role(), destroyed()]),
    'something that is no chunk': stream([raw('data: <html>\n\n'), endOfBody()]),
    'an event that is no chunk': stream([event({ hello: 'world' }), endOfBody()]),
    'silence after the headers': headersThenSilence(),
    'silence after the role': stream([role(), silence()]),
    'silence with keep-alives': stream([role(), comment(), comment(), silence()]),
    'no headers': neverAnswer(),
  };
  for (const [name, behaviour] of Object.entries(failures)) {
    test(`but ${name} goes to the next provider`, async () => {
      scene.upstream.always('groq', behaviour);
      const reply = await scene.client.chat(askInOrder(['groq', 'cerebras'], { stream: true }));
      assert.equal(reply.status, 200, reply.text);
      assert.equal(reply.headers['x-gateway-provider'], 'cerebras');
      assert.equal(reply.text, scene.upstream.requests('cerebras')[0].sent.toString(), 'nothing of the first one is left');
      assert.equal(trailOf(reply).length, 2);
      assert.deepEqual(scene.upstream.counts(), { groq: 1, cerebras: 1 });
      if (/silence|no headers/.test(name)) await scene.upstream.aborted('groq');
    });
  }

  test('anywhere is a real status, not a stream', async () => {
    scene.upstream.always('groq', stream([errorEvent('overloaded')]));
    scene.upstream.always('cerebras', headersThenSilence());
    const reply = await scene.client.chat(askInOrder(['groq', 'cerebras'], { stream: true }));
    assertError(reply, { status: 502 });
  });

  test('but with reasoning is open', async () => {
    const thinking = gate();
    scene.upstream.always('groq', stream([role(), reasoning(['Let me', ' think']), hold(thinking), text('Yes.'), finish('stop', USAGE), done()]));
    const connection = await scene.client.openChat(streamed(NATIVE));
    await connection.untilBody(' think');
    thinking.open();
    const told = readStream((await connection.finished()).text);
    assert.deepEqual([told.reasoning, told.content], ['Let me think', 'Yes.']);
  });
});

describe('a client that leaves', () => {
  const scene = setScene({ providers: ['groq', 'openai'] });

  for (const model of [NATIVE, OPENAI_MODEL]) {
    test(`in the middle of a stream aborts it at the provider (${model})`, async () => {
      const provider = model === NATIVE ? 'groq' : 'openai';
      scene.upstream.always(provider, stream([role(), text('half', ' an'), silence()]));
      const connection = await scene.client.openChat(streamed(model));
      await connection.untilBody(' an');
      connection.leave();
      await scene.upstream.aborted(provider);
      assert.equal(scene.upstream.requests(provider).length, 1);
    });
  }

  test('in good order is noticed at the next write that fails', async () => {
    const onward = gate();
    scene.upstream.always('groq', stream([role(), text('half', ' an'), hold(onward), ...tokens(2000).flatMap((token) => [text(token), pause(1)]), silence()]));
    const connection = await scene.client.openChat(streamed(NATIVE));
    await connection.untilBody(' an');
    connection.hangUp();
    onward.open();
    await scene.upstream.aborted('groq');
  });

  test('before the first token aborts the request and tries nobody else', async () => {
    scene.upstream.always('groq', stream([role(), silence()]));
    const answer = scene.client.openChat(askInOrder(['groq', 'openai'], { stream: true, models: [OPENAI_MODEL] }));
    const left = assert.rejects(answer);
    await scene.upstream.received('groq');
    scene.client.leaveAll();
    await left;
    await scene.upstream.aborted('groq');
    assert.deepEqual(scene.upstream.counts(), { groq: 1 });
  });
});
