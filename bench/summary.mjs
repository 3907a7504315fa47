// What came out: medians over the rounds, ratios, what was asked of them, and all of it as Markdown.

import { LIMITS } from './limits.mjs';
import { median, ratiosOf, round, samplesOf } from './statistics.mjs';

const KB = 1024;
const MB = KB * KB;

/** A ratio is the median of the ratios within each round; the first name is what the others are compared to. */
export function summarise(measures, samples, [reference, ...others]) {
  return measures.map(({ name, unit }) => {
    const base = samplesOf(samples, name, reference);
    const figures = (own) => ({
      cpuUs: round(median(own.map(({ cpuUs }) => cpuUs))),
      p50Ms: round(median(own.map(({ latencyMs }) => latencyMs.p50))),
      p99Ms: round(median(own.map(({ latencyMs }) => latencyMs.p99))),
      firstByteMs: round(median(own.map(({ firstByteMs }) => firstByteMs.p50))),
      firstByteAddedMs: round(median(own.map(({ firstByteMs }, i) => firstByteMs.p50 - base[i].firstByteMs.p50))),
      grownMb: round(median(own.map(({ grownBytes }) => grownBytes)) / MB),
    });
    const subjects = others.map((subject) => [subject, samplesOf(samples, name, subject)]).filter(([, own]) => own.length > 0).map(([subject, own]) => {
      const ratios = ratiosOf(samples, name, subject, reference);
      const [{ objectMessages }] = own;
      return {
        subject,
        ratio: round(median(ratios)),
        ratioRange: [round(Math.min(...ratios)), round(Math.max(...ratios))],
        ...figures(own),
        ...(objectMessages === undefined ? {} : {
          objectMessages: round(median(own.map((sample) => sample.objectMessages))),
          rowsWritten: round(median(own.map((sample) => sample.rowsWritten))),
        }),
      };
    });
    return { measure: name, unit, reference: { subject: reference, ...figures(base) }, subjects };
  });
}

/** Each limit that the run measured: `{what, unit, most, measured, kept}`. */
export function kept(result) {
  return LIMITS.map(({ what, unit, most, measured }) => ({ what, unit, most, measured: measured(result) }))
    .filter(({ measured }) => measured !== null)
    .map((limit) => ({ ...limit, kept: limit.measured <= limit.most }));
}

const row = (...cells) => `| ${cells.join(' | ')} |`;
const tableOf = (heads, rows) => [row(...heads), row(...heads.map(() => '---')), ...rows.map((cells) => row(...cells))].join('\n');

const limitsTable = (limits) => tableOf(
  ['what', 'at most', 'measured', 'kept'],
  limits.map(({ what, unit, most, measured, kept: isKept }) => [what, `${most} ${unit}`, measured, isKept ? 'yes' : '**no**']),
);

function measuresTable(summary) {
  const figures = ({ cpuUs, firstByteMs, firstByteAddedMs, p50Ms, p99Ms, grownMb }) => [cpuUs, firstByteMs, firstByteAddedMs, p50Ms, p99Ms, grownMb];
  return tableOf(
    ['measure', 'worker', 'CPU against bare fetch', 'range over rounds', 'CPU, µs', 'first byte, ms', 'added to it, ms', 'p50, ms', 'p99, ms', 'grew by, MB', 'object messages', 'D1 rows'],
    summary.flatMap(({ unit, reference, subjects }) => [
      [unit, reference.subject, 1, '', ...figures(reference), '', ''],
      ...subjects.map((subject) => [unit, subject.subject, subject.ratio, subject.ratioRange.join(' to '), ...figures(subject), subject.objectMessages ?? '', subject.rowsWritten ?? '']),
    ]),
  );
}

const firstTable = (first) => tableOf(
  ['fresh instance', 'first request, ms', 'its CPU, ms', 'second request, ms', 'CPU of the start of workerd, ms'],
  first.map(({ subject, firstMs, firstCpuMs, secondMs, startCpuMs }) => [subject, firstMs, firstCpuMs, secondMs, startCpuMs]),
);

const slowTable = (slow) => tableOf(
  ['slow readers', 'worker', 'provider ahead, KB a stream', 'isolate holds, KB a stream', 'process grew by, KB a stream'],
  slow.map(({ name, subject, ...bytes }) => [name, subject, ...['aheadBytes', 'heldBytes', 'peakBytes'].map((figure) => round(bytes[figure] / KB, 0))]),
);

const soakTable = ({ readings, bare }) => tableOf(
  ['soak, requests', 'isolate, MB', 'in use, MB', 'process, MB', 'process of a bare worker, MB'],
  readings.map(({ sent, heldBytes, usedBytes, residentBytes }, i) => [sent, round(heldBytes / MB, 1), usedBytes ? round(usedBytes / MB, 2) : '', round(residentBytes / MB, 0), round(bare[i].residentBytes / MB, 0)]),
);

/** The whole result as Markdown: what was asked first, then whatever the run measured. */
export function report({ limits, summary, slowReaders, soak, firstRequest }) {
  return [
    limits.length > 0 && limitsTable(limits),
    summary.length > 0 && measuresTable(summary),
    firstRequest && firstTable(firstRequest),
    slowReaders && slowTable(slowReaders),
    soak && soakTable(soak),
  ].filter(Boolean).join('\n\n');
}
