// A stream that fails after it has begun, and somebody else goes on with it: the client sees one whole answer, each chunk
// of which names the model that wrote it; or where nobody can go on, an error event.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertPartial, assertResumed, MODEL, setFaultScene, TOGETHER, WAYS } from './harness/faults.mjs';
import { tokens } from './upstream/payloads.mjs';
import { refusesPrefills, STATUS, WITHIN } from './upstream/faults.mjs';
import { prefillOf, story, storyTokens, usageOf } from './upstream/story.mjs';
import { destroyed, silence, toolCallDeltas } from './upstream/steps.mjs';

/** Stands for the 20 s that a stream may be silent; all others write theirs in one go. */
const IDLE = { STREAM_IDLE_TIMEOUT_MS: '1500' };
const STREAMED = WAYS.filter(({ fields }) => fields.stream);
const PREFILLED = Object.fromEntries(['alpha', 'beta', 'gamma'].map((id) => [id, { prefill: 'assistant' }]));
/** Longer than what may be asked for anew without a seed and with a temperature. */
const LONG = 300;

const begun = ({ json }) => prefillOf(json);
const first = (play, count) => storyTokens(play.request).slice(0, count).join('');

const FAULTS = {
  'cut after 40 of 60 tokens': { fault: WITHIN.cutAfter(40), said: 40 },
  'ended by HTTP after 40 of 60 tokens': { fault: WITHIN.endAfter(40), said: 40 },
  'silent after 20 tokens': { fault: WITHIN.silenceAfter(20), said: 20, aborted: true },
  'cut before its last token': { fault: WITHIN.cutAfter(59), said: 59 },
};

describe('another one goes on', TOGETHER, () => {
  const scene = setFaultScene({ members: PREFILLED, vars: IDLE, isolates: Object.keys(FAULTS).length * STREAMED.length });
  for (const [name, { fault, said, aborted }] of Object.entries(FAULTS)) {
    for (const way of STREAMED) {
      test(`with an answer that was ${name}, from its beginning as its own (${way.name})`, async () => {
        const play = scene.play(way);
        play.script(fault);
        const reply = await play.chat();
        await assertResumed(play, reply, { path: 'a=stream_cut b=200', parts: `a:${said} b:${60 - said}` });
        assert.equal(begun(play.records[1]), first(play, said), 'it got the text so far');
        if (aborted) await play.aborted();
      });
    }
  }
});

describe('another one begins anew, and what the client has is left out,', TOGETHER, () => {
  const scene = setFaultScene({ vars: IDLE, isolates: (Object.keys(FAULTS).length + 1) * STREAMED.length });
  const faults = { ...FAULTS, 'cut behind its first token': { fault: WITHIN.cutAfter(1), said: 1 } };
  for (const [name, { fault, said, aborted }] of Object.entries(faults)) {
    for (const way of STREAMED) {
      test(`of an answer that was ${name} (${way.name})`, async () => {
        const play = scene.play(way);
        play.script(fault);
        const reply = await play.chat();
        await assertResumed(play, reply, { path: 'a=stream_cut b=200', parts: `a:${said} b:${60 - said}` });
        assert.equal(begun(play.records[1]), '', 'it got the question alone');
        assert.equal(play.records[1].said, 60);
        if (aborted) await play.aborted();
      });
    }
  }
});

describe('an answer that was broken off', TOGETHER, () => {
  const scene = setFaultScene({ vars: IDLE, isolates: 30 });
  const pinned = (...names) => ({ fields: { model: `${names[0]}/${MODEL}`, models: names.slice(1).map((name) => `${name}/${MODEL}`), stream: true } });

  test('within an event goes on behind that event', async () => {
    const play = scene.play(pinned('beta', 'gamma'));
    play.script(WITHIN.tornEventAfter(40));
    await assertResumed(play, await play.chat(), { path: 'a=stream_cut b=200', parts: 'a:40 b:20' });
  });

  for (const [name, fault] of [['an error event', WITHIN.errorAfter(30)], ['a malformed event', WITHIN.malformedAfter(30)]]) {
    test(`by ${name} goes on where the gateway still holds that event`, async () => {
      const play = scene.play(pinned('beta', 'gamma'));
      play.script(fault);
      await assertResumed(play, await play.chat(), { path: 'a=stream_cut b=200', parts: 'a:30 b:30' });
    });
  }

  test('twice goes on twice', async () => {
    const play = scene.play(pinned('alpha', 'beta', 'gamma'));
    play.script(WITHIN.cutAfter(20), WITHIN.cutAfter(45));
    await assertResumed(play, await play.chat(), { path: 'a=stream_cut b=stream_cut c=200', parts: 'a:20 b:25 c:15' });
  });

  test('with nobody else to ask is asked of its own provider again', async () => {
    const play = scene.play(pinned('alpha'));
    play.script([WITHIN.cutAfter(40)]);
    await assertResumed(play, await play.chat(), { path: 'a=stream_cut a=200', parts: 'a:60' });
  });

  test('goes past those that fail', async () => {
    const play = scene.play(pinned('alpha', 'beta', 'gamma'));
    play.script(WITHIN.cutAfter(40), STATUS.serverError());
    await assertResumed(play, await play.chat(), { path: 'a=stream_cut b=500 c=200', parts: 'a:40 c:20' });
  });

  test('is told as what it is where all others fail', async () => {
    const play = scene.play(pinned('alpha', 'beta', 'gamma'));
    play.script([WITHIN.cutAfter(40), STATUS.serverError()], STATUS.serverError(), STATUS.overloaded());
    const reply = await play.chat();
    await assertPartial(play, reply, { path: 'a=stream_cut b=500 c=503 a=500', said: 40, errorClass: 'stream_cut' });
  });

  test('is told as what it is where the new text is another one', async () => {
    const play = scene.play(pinned('alpha', 'beta'));
    play.script([WITHIN.cutAfter(40), STATUS.serverError()], story({ text: tokens(60) }));
    const reply = await play.chat();
    await assertPartial(play, reply, { path: 'a=stream_cut b=diverged a=500', said: 40, errorClass: 'stream_cut' });
  });

  test('has one usage, the sum of all that was billed', async () => {
    const play = scene.play({ fields: { ...pinned('alpha', 'beta').fields, stream_options: { include_usage: true } } });
    play.script(WITHIN.cutAfter(40));
    const { told, row } = await assertResumed(play, await play.chat(), { path: 'a=stream_cut b=200', parts: 'a:40 b:20' });
    const usages = told.chunks.filter(({ usage }) => usage).map(({ usage }) => usage);
    assert.equal(usages.length, 1);
    assert.deepEqual([usages[0].prompt_tokens, usages[0].completion_tokens, usages[0].estimated], [row.prompt_tokens, row.completion_tokens, true]);
    assert.equal(usages[0].total_tokens, row.prompt_tokens + row.completion_tokens);
    const second = usageOf(play.request, 60);
    assert.ok(row.prompt_tokens > second.prompt_tokens && row.prompt_tokens < second.prompt_tokens + 50, 'a prompt of a few words more');
  });

  for (const [name, fields, isResumed] of [
    ['at any temperature is not asked for anew', {}, false],
    ['at temperature 0 is asked for anew', { temperature: 0 }, true],
    ['with a seed is asked for anew', { seed: 7 }, true],
  ]) {
    test(`after more than 2 KB ${name}`, async () => {
      const play = scene.play({ fields: { ...pinned('alpha', 'beta').fields, ...fields } }, { length: LONG });
      play.script(WITHIN.cutAfter(200));
      const reply = await play.chat();
      if (isResumed) await assertResumed(play, reply, { path: 'a=stream_cut b=200', parts: 'a:200 b:100' });
      else await assertPartial(play, reply, { path: 'a=stream_cut', said: 200 });
    });
  }

  test('goes on at any length by the beginning of the answer', async () => {
    const play = prefilled.play(pinned('alpha', 'beta'), { length: LONG });
    play.script(WITHIN.cutAfter(200));
    await assertResumed(play, await play.chat(), { path: 'a=stream_cut b=200', parts: 'a:200 b:100' });
    assert.equal(begun(play.records[1]), first(play, 200));
  });

  test('in several choices is not gone on with', async () => {
    const play = scene.play({ fields: { ...pinned('alpha', 'beta').fields, n: 2 } });
    play.script(WITHIN.cutAfter(40));
    await assertPartial(play, await play.chat(), { path: 'a=stream_cut', said: 40 });
  });

  test('in a tool call is not gone on with', async () => {
    const play = scene.play(pinned('alpha', 'beta'));
    play.script(story({ after: 10, then: [toolCallDeltas('get_weather', ['{"ci']), destroyed()] }));
    await assertPartial(play, await play.chat(), { path: 'a=stream_cut', said: 10 });
  });

  test('whose client leaves meanwhile is given up at the next one as well', async () => {
    const play = scene.play(pinned('alpha', 'beta'));
    play.script(WITHIN.cutAfter(40), story({ first: [silence()] }));
    const connection = await play.client.openChat(play.request);
    await play.received(2);
    connection.leave();
    await play.aborted(2);
    const row = await play.row(connection);
    assert.deepEqual([row.status, row.error_class], [200, 'client_closed']);
    assert.ok(row.completion_tokens > 0);
  });

  const prefilled = setFaultScene({ members: PREFILLED, vars: IDLE, isolates: 6 });

  test('goes on from its start where the next one refuses the beginning of an answer', async () => {
    const play = prefilled.play(pinned('alpha', 'beta'));
    play.script(WITHIN.cutAfter(40), refusesPrefills());
    play.always('alpha', (exchange) => (begun(exchange.record) ? STATUS.overloaded() : WITHIN.cutAfter(40))(exchange));
    await assertResumed(play, await play.chat(), { path: 'a=stream_cut b=400 a=503 b=200', parts: 'a:40 b:20' });
    assert.deepEqual(play.records.map(begun), ['', first(play, 40), first(play, 40), '']);
  });

  test('goes on where the next one begins anew although it was given the beginning', async () => {
    const play = prefilled.play(pinned('alpha', 'beta'));
    play.script(WITHIN.cutAfter(40), story({ restarts: true }));
    await assertResumed(play, await play.chat(), { path: 'a=stream_cut b=200', parts: 'a:40 b:20' });
  });

  test('behind its last token is ended well by the next one', async () => {
    const play = scene.play(pinned('alpha', 'beta'));
    play.script(WITHIN.cutAfter(60));
    await assertResumed(play, await play.chat(), { path: 'a=stream_cut b=200', parts: 'a:60' });
  });
});
