// What came out: medians over the rounds, and ratios.

const MB = 1024 * 1024;

const median = (numbers) => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};
const round = (number) => Number(number.toFixed(2));

/** A ratio is the median of the ratios within each round; the first name is what the others are compared to. */
export function summarise(measures, samples, [reference, ...others]) {
  return measures.map(({ name, unit }) => {
    const of = (subject) => samples.filter((sample) => sample.measure === name && sample.subject === subject);
    const base = of(reference);
    const figures = (own) => ({
      cpuUs: round(median(own.map(({ cpuUs }) => cpuUs))),
      p50Ms: round(median(own.map(({ latencyMs }) => latencyMs.p50))),
      p99Ms: round(median(own.map(({ latencyMs }) => latencyMs.p99))),
      firstByteMs: round(median(own.map(({ firstByteMs }) => firstByteMs.p50))),
      grownMb: round(median(own.map(({ grownBytes }) => grownBytes)) / MB),
    });
    const subjects = others.map((subject) => [subject, of(subject)]).filter(([, own]) => own.length > 0).map(([subject, own]) => {
      const ratios = own.map(({ cpuUs }, i) => cpuUs / base[i].cpuUs);
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

export function table(summary) {
  const lines = [
    '| measure | worker | CPU against bare fetch | range over rounds | CPU, µs | first byte, ms | p50, ms | p99, ms | grew by, MB | object messages | D1 rows |',
    '|---|---|---|---|---|---|---|---|---|---|---|',
  ];
  const figures = ({ cpuUs, firstByteMs, p50Ms, p99Ms, grownMb }) => [cpuUs, firstByteMs, p50Ms, p99Ms, grownMb].join(' | ');
  for (const { unit, reference, subjects } of summary) {
    lines.push(`| ${unit} | ${reference.subject} | 1 | | ${figures(reference)} | | |`);
    for (const subject of subjects) {
      lines.push(`| ${unit} | ${subject.subject} | ${subject.ratio} | ${subject.ratioRange.join(' to ')} | ${figures(subject)} | ${subject.objectMessages ?? ''} | ${subject.rowsWritten ?? ''} |`);
    }
  }
  return lines.join('\n');
}
