// However the bytes of a provider come, cut up anywhere and in every form that servers give them, the client gets the same
// bytes: those of the provider where nothing must change, and one exact text where something must.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setNumberedScene, withEach } from './harness/numbered.mjs';
import { readStream } from './harness/sse.mjs';
import { neverAnswer } from './upstream/behaviours.mjs';
import { content, contents, DONE, finish, inLastChoice, inTrailing, role, trailing, USAGE } from './upstream/lean.mjs';
import { answered, CUTS, everySplit, FORMS, told } from './upstream/pieces.mjs';
import { destroyed } from './upstream/steps.mjs';

const MODEL = 'story';

/** Characters of one to four bytes, as they are and escaped; long enough for an answer that is taken up. */
const TEXTS = ['Grüße, "Welt"', ' δέλτα\n\\n', ' 漢字漢字漢字', ' 🦀 crab 🦀 crab', ' and the rest of it'];
const TEXT = TEXTS.join('');
/** What the gateway makes of it where prices are known: 1 and 2 dollars for a million tokens. */
const COST = '{"prompt_tokens":9,"completion_tokens":5,"total_tokens":14,"reasoning_tokens":0,"prompt_tokens_details":{"cached_tokens":4},"queue_time":0.01,'
  + '"cost_usd_total":0.000019,"cost_usd_input":0.000005,"cost_usd_output":0.00001,"cost_usd_cached_input":0.000004,"cost_usd_request":0,"cost_source":"catalog"}';
const metadataOf = (provider) => `{"requested_model":"${provider}/story","requested_provider":"${provider}","used_model":"story","used_provider":"${provider}",`
  + `"underlying_used_model":"${provider}/story-1","routing":[{"provider":"${provider}","model":"story","status_code":200,"error_type":null,"succeeded":true}]}`;

const data = (...all) => Buffer.from(all.map((json) => `data: ${json}\n\n`).join(''));

/** Where line ends are CR alone nobody knows the last one from half a CRLF, and few parsers know it at all. */
const endsWithCr = (bytes) => bytes.at(-1) === 0x0d;
const relayed = (events) => {
  const bytes = Buffer.concat(events);
  return endsWithCr(bytes) ? Buffer.concat([bytes, Buffer.from('\n\n')]) : bytes;
};
const rewritten = (events) => {
  const bytes = Buffer.concat(events);
  return endsWithCr(bytes) ? Buffer.concat([bytes, Buffer.from('\n')]) : bytes;
};

/**
 * The ways of a stream through the gateway: who is asked and how, what the provider sends, and what the client must get, given
 * the provider's events as bytes.
 */
const MODES = {
  'relayed natively': { provider: 'alpha', sends: inLastChoice('a', TEXTS), gets: relayed },
  'relayed natively with the usage chunk that was asked for': {
    provider: 'beta', fields: { stream_options: { include_usage: true } }, sends: inTrailing('b', TEXTS), gets: relayed,
  },
  'without the usage chunk that was not asked for': { provider: 'beta', sends: inTrailing('b', TEXTS), gets: (events) => rewritten(events.toSpliced(-2, 1)) },
  'with cost in the usage chunk': {
    provider: 'beta', fields: { usage: { include: true } }, sends: inTrailing('b', TEXTS),
    gets: (events) => rewritten(events.with(-2, data(trailing('b', COST, `,"metadata":${metadataOf('beta')}`)))),
  },
  'with cost in the last choice': {
    provider: 'alpha', fields: { usage: { include: true } }, sends: inLastChoice('a', TEXTS),
    gets: (events) => rewritten(events.with(-2, data(finish('a', `,"usage":${COST},"metadata":${metadataOf('alpha')}`)))),
  },
};

/** Each form of these events in each cut: `{name, events, pieces}`. */
const everyShape = (sends) => Object.entries(FORMS).flatMap(([form, write]) => {
  const events = write(sends);
  return Object.entries(CUTS).map(([cut, pieces]) => ({ name: `${form}, ${cut}`, events, pieces: pieces(events) }));
});

function assertBytes(reply, wanted, name) {
  assert.equal(reply.status, 200, `${name}: ${reply.text}`);
  assert.equal(reply.complete, true, name);
  // Text says more than bytes where it differs; where it does not, bytes decide.
  assert.equal(reply.text, wanted.toString('utf8'), name);
  assert.ok(reply.body.equals(wanted), name);
}

describe('a stream', () => {
  const scene = setNumberedScene({ models: [MODEL] });

  for (const [mode, { provider, fields, sends, gets }] of Object.entries(MODES)) {
    const ask = (pieces) => scene.ask({ [provider]: told(pieces) }, { model: `${provider}/${MODEL}`, ...fields });

    test(`${mode} is the same in every form and cut`, async () => {
      await withEach(everyShape(sends), async ({ name, events, pieces }) => {
        const reply = await ask(pieces);
        assertBytes(reply, gets(events), name);
        const said = readStream(reply.text);
        assert.deepEqual([said.content, said.finishReasons, said.dones, said.last], [TEXT, ['stop'], 1, DONE], name);
      });
    });

    test(`${mode} is the same wherever it is cut in two`, async () => {
      const events = FORMS['with CRLF'](sends);
      await withEach(everySplit(events), async (pieces) => assertBytes(await ask(pieces), gets(events), `after byte ${pieces[0].length}`));
    });
  }
});

describe('an answer that goes on with another provider', () => {
  const scene = setNumberedScene({ models: [MODEL] });
  /** No request knows what became of another one's model. */
  let models = 0;
  const ask = (first, second) => {
    const model = `m${(models += 1)}`;
    const [[provider, pieces]] = Object.entries(second);
    return scene.ask(
      { alpha: told(first, destroyed()), [provider]: told(pieces) },
      { model: `alpha/${model}`, models: [`${provider}/${model}`], temperature: 0 },
    );
  };
  const begun = [role('a'), ...contents('a', TEXTS.slice(0, 4))];
  /** The other one's tokens are not those of the first one: one of them is known in part. */
  const AGAIN = [TEXT.slice(0, 20), TEXT.slice(20, 32), TEXT.slice(32, 52), TEXT.slice(52)];
  const soFar = TEXTS.slice(0, 4).join('');
  const WAYS = {
    'that begins anew': {
      provider: 'beta',
      sends: [role('b'), ...contents('b', AGAIN), finish('b'), trailing('b'), DONE],
      gets: [content('a', TEXT.slice(soFar.length, 52)), content('a', AGAIN[3]), finish('a')],
    },
    'that is given the beginning': {
      provider: 'gamma',
      sends: [role('c'), ...contents('c', [TEXTS[4].slice(0, 9), TEXTS[4].slice(9)]), finish('c', `,"usage":${USAGE}`), DONE],
      gets: [content('a', TEXTS[4].slice(0, 9)), content('a', TEXTS[4].slice(9)), finish('a', ',"usage":SUM')],
    },
  };

  for (const [way, { provider, sends, gets }] of Object.entries(WAYS)) {
    const sums = new Set();
    const check = (reply, first, second, name) => {
      const [, sum] = /"usage":(\{.*"estimated":true\})/.exec(reply.text) ?? [];
      sums.add(sum);
      const wanted = [relayed(first), data(...gets.map((json) => json.replace('SUM', sum))), rewritten(second.slice(-1))];
      assertBytes(reply, Buffer.concat(wanted), name);
    };

    test(`${way} is the same in every form and cut`, async () => {
      for (const [form, write] of Object.entries(FORMS)) {
        const [first, second] = [write(begun), write(sends)];
        await withEach(Object.entries(CUTS), async ([cut, pieces]) => {
          const reply = await ask(pieces(first), { [provider]: pieces(second) });
          check(reply, first, second, `${form}, ${cut}`);
          const said = readStream(reply.text);
          assert.deepEqual([said.content, said.finishReasons, said.dones, said.last], [TEXT, ['stop'], 1, DONE]);
        });
      }
      assert.equal(sums.size, 1, 'the usage is that of both, in all');
    });

    test(`${way} is the same wherever it is cut in two`, async () => {
      const [first, second] = [begun, sends].map(FORMS['with CRLF']);
      await withEach(everySplit(second), async (pieces) => {
        check(await ask([Buffer.concat(first)], { [provider]: pieces }), first, second, `after byte ${pieces[0].length}`);
      });
      assert.equal(sums.size, 1, 'the usage is that of both, in all');
    });
  }
});

describe('an answer that overtakes a silent one', () => {
  const shapes = everyShape(inTrailing('b', TEXTS));
  /** A provider that was overtaken is thought slow for that model. */
  const models = shapes.flatMap((_, n) => [`kept-${n}`, `dropped-${n}`]);
  const scene = setNumberedScene({ models, vars: { HEDGE_AFTER_MS: '200' } });
  const ask = (model, pieces, fields) => scene.ask({ alpha: neverAnswer(), beta: told(pieces) }, { model, provider: { order: ['alpha', 'beta'] }, ...fields });

  test('is the same in every form and cut', async () => {
    await withEach(shapes, async ({ name, events, pieces }, n) => {
      const kept = await ask(`kept-${n}`, pieces, { stream_options: { include_usage: true } });
      assertBytes(kept, relayed(events), name);
      assert.match(kept.headers['x-gateway-trail'], /^alpha.*=hedged; beta/);
      assertBytes(await ask(`dropped-${n}`, pieces), rewritten(events.toSpliced(-2, 1)), name);
    });
  });
});

describe('a whole reply', () => {
  const scene = setNumberedScene({ models: [MODEL] });
  const before = `{"id":"a","created":1790000000,"model":"m","choices":[{"index": 0, "message":{"role":"assistant","content":${JSON.stringify(TEXT)}},"finish_reason":"stop"}]`;
  const sent = Buffer.from(`${before},"usage":${USAGE}}`);
  const wanted = Buffer.from(`${before},"usage":${COST},"metadata":${metadataOf('alpha')}}`);

  for (const withLength of [true, false]) {
    test(`is the same wherever it is cut (${withLength ? 'with its length' : 'in chunks'})`, async () => {
      const cuts = [...everySplit([sent]), ...Object.values(CUTS).map((pieces) => pieces([sent]))];
      await withEach(cuts, async (pieces) => {
        const reply = await scene.ask({ alpha: answered(pieces, { withLength }) }, { model: `alpha/${MODEL}`, stream: false });
        assertBytes(reply, wanted, `${pieces.length} pieces, the first of ${pieces[0].length} bytes`);
      });
    });
  }
});
