// Clients that we did not write, on providers of both dialects: each case is the same for all of them, streamed and not. A client
// must not be able to tell whose model it uses, and a provider gets what it takes (`upstream/*-rules.mjs`) and what was meant.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DIALECTS } from './clients/dialects.mjs';
import { langchain } from './clients/langchain.mjs';
import { openai } from './clients/openai.mjs';
import { vercel } from './clients/vercel.mjs';
import { ANSWER_SCHEMA, IMAGE_MESSAGE, WEATHER_TOOL } from './harness/requests.mjs';
import { setScene } from './harness/scene.mjs';
import { fault } from './upstream/openai-rules.mjs';

/** Served by both providers. The one thinks as much as it likes, the other within a budget, which has rules of its own. */
const MODEL = 'claude-sonnet-5';
const BUDGET_MODEL = 'claude-haiku-4-5';

const CLIENTS = [openai, vercel, langchain];
const PROVIDERS = DIALECTS.map(({ provider }) => provider);
const SCHEMA = ANSWER_SCHEMA.json_schema.schema;
const DATA_URI = IMAGE_MESSAGE.content[1].image_url.url;
const TOOLS = {
  get_weather: {
    description: WEATHER_TOOL.function.description,
    parameters: WEATHER_TOOL.function.parameters,
    run: ({ city }) => `${city}: -3 °C`,
  },
  get_time: {
    description: 'The time in a zone.',
    parameters: { type: 'object', properties: { zone: { type: 'string' } }, required: ['zone'], additionalProperties: false },
    run: ({ zone }) => `${zone}: 12:00`,
  },
};
const WEATHER = { id: 'toolu_1', name: 'get_weather', input: { city: 'Köln' } };
const TIME = { id: 'toolu_2', name: 'get_time', input: { zone: 'CET' } };
const RESULT = { [WEATHER.id]: { id: WEATHER.id, text: 'Köln: -3 °C' }, [TIME.id]: { id: TIME.id, text: 'CET: 12:00' } };
/** How many tests there are of each row when a provider fails. */
const FAULTS = 5;
const question = [{ text: 'Weather and time?' }];

/** Every client, dialect and form, as `{client, dialect, other, stream, name}`. */
const TABLE = CLIENTS.flatMap((client) => DIALECTS.flatMap((dialect) => [false, true].map((stream) => ({
  client,
  dialect,
  other: DIALECTS.find((candidate) => candidate !== dialect),
  stream,
  name: `${client.name}, ${dialect.name}'s dialect${stream ? ', streamed' : ''}`,
}))));

const last = ({ steps }) => steps.at(-1);
/** What a conversation resolved with, which must be no error. */
function good(told) {
  assert.ifError(told.error);
  return told;
}

describe('an upstream of OpenAI\'s dialect in these tests', () => {
  const request = { model: 'm', messages: [{ role: 'user', content: 'Hello.' }] };
  const call = { role: 'assistant', content: null, tool_calls: [{ id: '1', type: 'function', function: { name: 'f', arguments: '{}' } }] };
  const result = { role: 'tool', tool_call_id: '1', content: 'x' };
  const refused = (json, headers = {}) => fault({
    method: 'POST', path: '/v1/chat/completions', headers: { authorization: 'Bearer k', 'content-type': 'application/json', ...headers }, json,
  })?.status ?? null;
  const talk = (...messages) => ({ ...request, messages: [...request.messages, ...messages] });

  test('takes what Chat Completions take', () => {
    assert.equal(refused(request), null);
    assert.equal(refused(talk(call, result)), null);
  });

  test('refuses what they refuse, and what is the gateway\'s own', () => {
    assert.equal(refused(request, { authorization: undefined }), 400);
    for (const json of [
      { ...request, plugins: [] },
      { ...request, stream_options: { include_usage: true } },
      { ...request, tool_choice: 'auto' },
      { ...request, messages: [] },
      talk(call),
      talk(result),
      talk(call, { role: 'user', content: 'x' }),
      talk({ role: 'assistant', content: 'x', annotations: [] }),
      talk({ role: 'user', content: [{ type: 'image', source: {} }] }),
    ]) assert.equal(refused(json), 400, JSON.stringify(json));
  });
});

describe('clients', () => {
  const scene = setScene({ providers: PROVIDERS, isolates: 1 });

  for (const { client, dialect, stream, name } of TABLE) {
    const script = (...answers) => scene.upstream.script(dialect.provider, ...answers.map(dialect.says));
    const requests = () => scene.upstream.requests(dialect.provider).map(({ json }) => dialect.sees(json));
    const converse = async (request) =>
      good(await client.converse(scene.client.url, { question, model: `${dialect.provider}/${MODEL}`, stream, ...request }));

    describe(name, () => {
      test('chats', async () => {
        script({ text: ['Grüße,', ' 世界', ' 🦀'] });
        const told = last(await converse({ system: 'Be brief.', question: [{ text: 'Say hello.' }] }));
        assert.deepEqual([told.text, told.reasoning, told.finish], ['Grüße, 世界 🦀', '', 'stop']);
        assert.deepEqual([told.usage.input, told.usage.output], [9, 5]);
        const [asked] = requests();
        assert.deepEqual([asked.system, asked.turns.map(({ role, text }) => [role, text])], ['Be brief.', [['user', 'Say hello.']]]);
        assert.equal(scene.upstream.requests()[0].json.stream ?? false, stream);
      });

      test('calls tools over several turns', async () => {
        script({ text: ['Let me look.'], calls: [WEATHER] }, { calls: [TIME] }, { text: ['Snow,', ' at noon.'] });
        const { steps } = await converse({ tools: TOOLS });
        assert.deepEqual(steps.map(({ text, finish, calls }) => [text, finish, calls]), [
          ['Let me look.', 'tool_calls', [WEATHER]], ['', 'tool_calls', [TIME]], ['Snow, at noon.', 'stop', []],
        ]);
        const asked = requests();
        for (const { tools } of asked) assert.deepEqual(Object.entries(tools).map(([tool, { required }]) => [tool, required]), [['get_weather', ['city']], ['get_time', ['zone']]]);
        assert.deepEqual(asked[2].turns.slice(1).map(({ role, text, calls, results }) => [role, text, calls, results]), [
          ['assistant', 'Let me look.', [WEATHER], []], ['user', '', [], [RESULT[WEATHER.id]]],
          ['assistant', '', [TIME], []], ['user', '', [], [RESULT[TIME.id]]],
        ]);
      });

      test('calls two tools at once', async () => {
        script({ calls: [WEATHER, TIME] }, { text: ['Both.'] });
        const { steps } = await converse({ tools: TOOLS });
        assert.deepEqual(steps.map(({ text, calls }) => [text, calls]), [['', [WEATHER, TIME]], ['Both.', []]]);
        const [, { turns: [, answer, results] }] = requests();
        assert.deepEqual([answer.calls, results.results], [[WEATHER, TIME], [RESULT[WEATHER.id], RESULT[TIME.id]]]);
      });

      test('shows pictures', async () => {
        script({ text: ['A dot.'] });
        const url = 'https://example.com/a.png';
        const told = await converse({ question: [{ text: 'What are these?' }, { image: DATA_URI }, { image: url }] });
        assert.equal(last(told).text, 'A dot.');
        const [{ turns: [asked] }] = requests();
        assert.deepEqual([asked.text, asked.images], ['What are these?', [DATA_URI, url]]);
      });

      test('gets an answer by its schema', async () => {
        script({ text: ['{"answer"', ':"42"}'] });
        assert.deepEqual(last(await converse({ schema: SCHEMA })).object, { answer: '42' });
        const [{ schema }] = requests();
        assert.deepEqual([schema.type, schema.properties.answer.type, schema.required, schema.additionalProperties], ['object', 'string', ['answer'], false]);
      });

      test('asks for reasoning and sees it', async () => {
        script({ thought: ['Which', ' city?'], text: ['Oslo.'], usage: { input: 9, output: 50, reasoning: 40 } });
        const told = last(await converse({ effort: 'high' }));
        assert.deepEqual([told.reasoning, told.text, told.finish], ['Which city?', 'Oslo.', 'stop']);
        assert.deepEqual([told.usage.output, told.usage.reasoning], [50, 40]);
        assert.equal(requests()[0].effort, 'high');
      });

      for (const model of [MODEL, BUDGET_MODEL]) {
        test(`thinks between tools, ${client.returnsThoughts({ stream }) ? 'its thoughts coming back' : 'though its thoughts do not come back'}: ${model}`, async () => {
          script({ thought: ['First', ' the city.'], calls: [WEATHER] }, { thought: ['And', ' the time.'], calls: [TIME] }, { text: ['Snow, at noon.'] });
          const { steps } = await converse({ model: `${dialect.provider}/${model}`, tools: TOOLS, effort: 'high' });
          assert.deepEqual(steps.map(({ reasoning, text }) => [reasoning, text]), [['First the city.', ''], ['And the time.', ''], ['', 'Snow, at noon.']]);
          const back = requests()[2].turns.map(({ thoughts }) => thoughts.map(({ text }) => text)).flat();
          assert.deepEqual(back, client.returnsThoughts({ stream }) ? ['First the city.', 'And the time.'] : []);
        });
      }
    });
  }

  test('the OpenAI SDK gets the pictures of an answer', async () => {
    const [dialect] = DIALECTS;
    const images = [{ type: 'image_url', image_url: { url: DATA_URI } }];
    const request = { question: [{ text: 'Draw a dot.' }], model: `${dialect.provider}/google/gemini-3.6-flash`, stream: false };
    scene.upstream.script(dialect.provider, dialect.says({ text: ['Here.'], images }));
    assert.deepEqual(last(good(await openai.converse(scene.client.url, request))).images, images);
    scene.upstream.script(dialect.provider, dialect.says({ text: ['Here.'], images }));
    assert.deepEqual(last(good(await openai.converse(scene.client.url, { ...request, stream: true }))).images, images);
  });
});

// Each client in a gateway of its own: isolates cost more the more there are.
for (const client of CLIENTS) {
  describe(`${client.name}, when a provider fails`, () => {
    const rows = TABLE.filter((row) => row.client === client);
    const scene = setScene({ providers: PROVIDERS, isolates: rows.length * FAULTS });

    for (const { dialect, other, stream, name } of rows) {
      const inOrder = { order: [dialect.provider, other.provider], only: PROVIDERS };
      const converse = (request) => client.converse(scene.client.url, { question, model: MODEL, provider: inOrder, stream, ...request });

      for (const [fault, behaviour] of [['fails', dialect.fails], ['is overloaded', dialect.overloaded]]) {
        test(`${name}: another one answers where the first ${fault}`, async () => {
          scene.upstream.always(dialect.provider, behaviour());
          scene.upstream.script(other.provider, other.says({ thought: ['Hm.'], calls: [WEATHER] }), other.says({ text: ['Snow.'] }));
          const { steps } = good(await converse({ tools: TOOLS, effort: 'high' }));
          assert.deepEqual(steps.map(({ reasoning, calls, text }) => [reasoning, calls, text]), [['Hm.', [WEATHER], ''], ['', [], 'Snow.']]);
          assert.ok(scene.upstream.counts()[dialect.provider] >= 1, 'it was asked');
        });
      }

      test(`${name}: another one goes on with an answer that is cut`, async () => {
        scene.upstream.always(dialect.provider, dialect.cutAfter({ text: ['One, two,', ' three,'] }));
        scene.upstream.always(other.provider, other.says({ text: ['One, two,', ' three, four.'] }));
        // Whoever writes it again is let go on only where it may come out the same.
        const told = last(good(await converse({ question: [{ text: 'Count.' }], seed: 1 })));
        assert.deepEqual([told.text, told.finish], ['One, two, three, four.', 'stop']);
        assert.deepEqual(scene.upstream.counts(), { [dialect.provider]: 1, [other.provider]: 1 });
      });

      test(`${name}: an answer that is cut, with nobody to go on, is an error and no end`, async () => {
        scene.upstream.always(dialect.provider, dialect.cutAfter({ text: ['One, two,', ' three,'] }));
        const told = await converse({ provider: undefined, model: `${dialect.provider}/${MODEL}` });
        assert.ok(told.error, 'the client knows that it is not whole');
        assert.equal(last(told).text, stream ? 'One, two, three,' : '');
        assert.equal(last(told).finish, undefined);
      });

      test(`${name}: a call that is cut is not made`, async () => {
        scene.upstream.always(dialect.provider, dialect.cutAfter({ text: ['Let me look.'], calls: [WEATHER] }));
        const tools = { get_weather: { ...TOOLS.get_weather, run: () => assert.fail('it was made') } };
        const { steps, error } = await converse({ provider: undefined, model: `${dialect.provider}/${MODEL}`, tools });
        assert.ok(error && error.code !== 'ERR_ASSERTION', String(error));
        assert.deepEqual(steps.map(({ calls }) => calls), [[]]);
      });
    }
  });
}
