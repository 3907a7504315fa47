// npm run bench: what the gateway costs, beside workers that do less. See README.md for what is measured and how to read
// it. `--quick` is only good for a look; words leave out all measures in whose names they do not stand
// (`npm run bench -- native`).

import { mkdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { bundleBytes } from '../scripts/lib/build.mjs';
import { coldStarts } from './cold.mjs';
import { CHUNK_PACE_MS, compare, shareOf, startUpstream } from './compare.mjs';
import { BARE_FETCH, GATEWAY } from './limits.mjs';
import { MEASURES } from './measures.mjs';
import { slowReaders } from './slow/all.mjs';
import { measureSoak } from './soak/soak.mjs';
import { minimalWorker, start, subjectsOf } from './subjects.mjs';
import { kept, report, summarise } from './summary.mjs';

const [options, words] = [true, false].map((isOption) => process.argv.slice(2).filter((word) => word.startsWith('--') === isOption));
const QUICK = options.includes('--quick');

/** Interleaved rounds, behind one of warming up: as many as fit half an hour. */
const ROUNDS = 3;
/** What a look takes of each load. */
const SHARE = QUICK ? 0.25 : 1;

const RESULTS = fileURLToPath(new URL('results/', import.meta.url));

/** What is measured in another way than by rounds. */
const [FIRST_REQUEST, SLOW_READERS, SOAK] = ['first request', 'slow readers', 'soak'];
const isWanted = (name) => words.every((word) => name.includes(word));
const measures = MEASURES.filter(({ name }) => isWanted(name)).map((measure) => shareOf(measure, SHARE));
/** Memory takes minutes that have no quick form, so a look has it only where it is asked for. */
const others = [FIRST_REQUEST, SLOW_READERS, SOAK].filter((name) => isWanted(name) && (!QUICK || words.length > 0 || name === FIRST_REQUEST));

const unknown = options.filter((option) => option !== '--quick');
if (unknown.length > 0 || measures.length + others.length === 0) {
  const names = [...MEASURES.map(({ name }) => name), FIRST_REQUEST, SLOW_READERS, SOAK];
  console.error(`There are --quick and words of: ${names.map((name) => `"${name}"`).join(', ')}.`);
  process.exit(2);
}
const say = (progress) => console.error(progress);

/** All subjects under all measures. */
async function measured(specifications) {
  const wanted = specifications.filter((subject) => measures.some((measure) => subject.measures(measure)));
  const subjects = [];
  try {
    for (const subject of wanted) subjects.push(await start(subject));
    return measures.length === 0 ? [] : await compare({ measures, subjects, rounds: ROUNDS, say });
  } finally {
    await Promise.all(subjects.map((subject) => subject.dispose()));
  }
}

const upstream = await startUpstream();
try {
  const specifications = subjectsOf(upstream.url);
  const [bare, gateway] = [BARE_FETCH, GATEWAY].map((wanted) => specifications.find(({ name }) => name === wanted));
  const samples = await measured(specifications);
  const result = { samples, measures, bundleBytes: bundleBytes() };
  if (others.includes(FIRST_REQUEST)) {
    say(FIRST_REQUEST);
    result.firstRequest = await coldStarts([bare, minimalWorker(upstream.url), gateway], MEASURES[0]);
  }
  if (others.includes(SLOW_READERS)) {
    say(SLOW_READERS);
    result.slowReaders = await slowReaders({ say: ({ name, subject }) => say(`${name}, ${subject}`) });
  }
  if (others.includes(SOAK)) {
    say(SOAK);
    result.soak = await measureSoak();
  }
  result.summary = summarise(measures, samples, specifications.map(({ name }) => name));
  result.limits = kept(result);
  const text = report(result);
  // What was only looked at does not take the place of a whole result.
  if (words.length === 0 && !QUICK) {
    const machine = { cpu: os.cpus()[0].model, cores: os.cpus().length, node: process.version };
    const loads = measures.map(({ question, ...plan }) => ({ ...plan, bytes: JSON.stringify(question).length }));
    const { limits, summary, firstRequest, slowReaders: slow, soak } = result;
    const json = {
      date: new Date().toISOString(), machine, parameters: { ROUNDS, CHUNK_PACE_MS, loads },
      limits, summary, firstRequest, slowReaders: slow, soak, bundleBytes: result.bundleBytes, samples,
    };
    mkdirSync(RESULTS, { recursive: true });
    writeFileSync(`${RESULTS}latest.json`, `${JSON.stringify(json, null, 1)}\n`);
    writeFileSync(`${RESULTS}latest.md`, `${text}\n`);
  }
  console.log(text);
} finally {
  upstream.stop();
}
