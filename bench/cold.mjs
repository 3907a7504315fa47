// The first request of a worker in a process of its own that has just begun: what an instance costs that is not there yet.
// workerd loads and compiles a worker when it starts, so its start is a part of that.

import { untilAtRest } from './compare.mjs';
import { start } from './subjects.mjs';

/** One of them is a few ticks of CPU, so there are many; the figure is their mean. */
export const STARTS = 8;

/**
 * Starts each subject that often, in turns, and sends it one request of the measure.
 * @returns for each subject `{subject, startCpuMs, firstMs, firstCpuMs, secondMs}`: the CPU of the whole process until it was ready, how
 * long the first request took and the CPU until the process was at rest again, and how long the second one took.
 */
export async function coldStarts(subjects, { question }, starts = STARTS) {
  const samples = subjects.map(() => []);
  for (let i = 0; i < starts; i += 1) {
    for (const [at, subject] of subjects.entries()) samples[at].push(await one(subject, JSON.stringify(question)));
  }
  const mean = (list, name) => list.reduce((sum, sample) => sum + sample[name], 0) / list.length;
  return subjects.map(({ name }, at) => ({
    subject: name,
    ...Object.fromEntries(Object.keys(samples[at][0]).map((figure) => [figure, Number(mean(samples[at], figure).toFixed(1))])),
  }));
}

async function one(subject, body) {
  const { url, headers, pid, dispose } = await start(subject);
  const ask = async () => {
    const began = performance.now();
    const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });
    await answer.text();
    if (answer.status !== 200) throw new Error(`${subject.name} answered ${answer.status}`);
    return performance.now() - began;
  };
  try {
    const startCpuMs = await untilAtRest(pid);
    const firstMs = await ask();
    const firstCpuMs = (await untilAtRest(pid)) - startCpuMs;
    return { startCpuMs, firstMs, firstCpuMs, secondMs: await ask() };
  } finally {
    await dispose();
  }
}
