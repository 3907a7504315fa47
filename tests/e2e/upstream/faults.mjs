// Every way in which a provider fails, by name: a behaviour that asks whether the request wants a stream where the two
// differ. What came before the fault is a part of the story of this very request.

import {
  afterGate, badKey, contentFiltered, contextTooLong, emptyBody, EVENT_STREAM, headersThenSilence, html, JSON_TYPE, modelNotFound,
  neverAnswer, rateLimited, resetConnection, status, stream,
} from './behaviours.mjs';
import { completion, errorBody } from './payloads.mjs';
import { prefillOf, story, wholeStory } from './story.mjs';
import { destroyed, done, endOfBody, errorEvent, event, hold, raw, role, silence } from './steps.mjs';

/** One behaviour for a stream, another for a whole answer. */
const byKind = (streamed, whole) => (exchange) => (exchange.json.stream ? streamed : whole)(exchange);

const noCredit = () => status(402, errorBody('Insufficient credits', { code: 'insufficient_credits' }));
const forbidden = () => status(403, errorBody('You may not do this here', { code: 'forbidden' }));

// --- A status -----------------------------------------------------------------------------------------------------------

export const STATUS = {
  rateLimited,
  serverError: () => status(500),
  badGateway: () => status(502),
  overloaded: () => status(503),
  badKey,
  noCredit,
  forbidden,
  modelNotFound,
  contextTooLong,
  contentFiltered,
};

// --- Before any answer ----------------------------------------------------------------------------------------------------

/** The head of an answer, byte by byte at this pace, and never its end. */
export const slowLorisHead = (paceMs = 20) => async (exchange) => {
  const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-filler: ${'x'.repeat(10_000)}`;
  for (const byte of head) {
    if (exchange.isOver) return;
    await exchange.write(byte);
    await Promise.race([new Promise((resolve) => setTimeout(resolve, paceMs)), exchange.gone]);
  }
};

/** The body of a whole answer, of which only so much comes, and then nothing for ever. */
const halfABody = (then) => async (exchange) => {
  const body = wholeStory(exchange);
  await exchange.respondPartly(200, JSON_TYPE, body, Math.floor(Buffer.byteLength(body) / 2));
  await then(exchange);
};

const forEver = (exchange) => exchange.gone;
const closed = (exchange) => exchange.destroy();

export const SILENCE = {
  neverAnswer,
  slowLorisHead,
  headersThenSilence: () => byKind(headersThenSilence(), halfABody(forEver)),
  roleThenSilence: () => byKind(stream([role(), silence()]), halfABody(forEver)),
};

/** A healthy answer that begins when the gate is opened; a stream's headers and role are there at once. */
export const late = (gate) => byKind(story({ first: [hold(gate)] }), afterGate(gate, story()));

// --- A 200 that is no answer ------------------------------------------------------------------------------------------------

const overloadedInside = { type: 'server_error', code: 'overloaded' };

export const NO_ANSWER = {
  empty: () => byKind(emptyBody(EVENT_STREAM), emptyBody()),
  html: () => html(200),
  errorFirst: () => byKind(stream([errorEvent('overloaded', overloadedInside)]), status(200, errorBody('overloaded', overloadedInside))),
  errorBehindTheRole: () => byKind(stream([role(), errorEvent('overloaded', overloadedInside)]), status(200, errorBody('overloaded', overloadedInside))),
  doneOnly: () => byKind(stream([done()]), status(200, { id: 'x', object: 'chat.completion', choices: [] })),
  noChunk: () => byKind(stream([event({ hello: 'world' }), endOfBody()]), status(200, { hello: 'world' })),
  brokenJson: () => byKind(stream([raw('data: {"choices":[{"delta":{"cont\n\n'), endOfBody()]), status(200, '{"choices":[{"ind', JSON_TYPE)),
  cutBeforeTheFirstToken: () => byKind(stream([role(), destroyed()]), halfABody(closed)),
};

/** A reply that is larger than `bytes`, healthy otherwise. */
export const largerThan = (bytes) => byKind(
  stream([event({ filler: 'x'.repeat(bytes) })]),
  (exchange) => exchange.respond(200, JSON_TYPE, JSON.stringify(completion(exchange.json, { content: 'x'.repeat(bytes) }))),
);

// --- Within an answer that began well -----------------------------------------------------------------------------------------

/** After so many tokens of the story. */
export const WITHIN = {
  cutAfter: (after) => byKind(story({ after, then: [destroyed()] }), halfABody(closed)),
  endAfter: (after) => byKind(story({ after, then: [endOfBody()] }), halfABody(closed)),
  silenceAfter: (after) => byKind(story({ after, then: [silence()] }), halfABody(forEver)),
  malformedAfter: (after) => byKind(
    story({ after, then: [raw('data: {"id":"x","choices":[{"index":0,"delta":{"content":"to\n\n'), raw('data: [DONE]\n\n')] }),
    halfABody(closed),
  ),
  errorAfter: (after) => byKind(story({ after, then: [errorEvent('the model crashed'), done()] }), status(200, errorBody('the model crashed', { type: 'server_error' }))),
  tornEventAfter: (after) => byKind(story({ after, then: [raw('data: {"id":"x","choi'), destroyed()] }), halfABody(closed)),
};

/** A provider that takes no answer that was begun: 400. Otherwise it does what the other behaviour does. */
export const refusesPrefills = (otherwise = story()) => (exchange) => (prefillOf(exchange.json) === '' ? otherwise : status(400, errorBody(
  'The last message must not be of the assistant', { param: 'messages', code: 'invalid_value' },
)))(exchange);
