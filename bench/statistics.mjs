// Figures of many samples. A sample is `{round, measure, subject, cpuUs, ...}`; rounds before 0 are warm-up.

export const round = (number, digits = 2) => Number(number.toFixed(digits));

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** A subject's samples of a measure, by round. */
export const samplesOf = (samples, measure, subject) => samples
  .filter((sample) => sample.round >= 0 && sample.measure === measure && sample.subject === subject)
  .sort((a, b) => a.round - b.round);

/** CPU against that of another subject, within each round. */
export function ratiosOf(samples, measure, subject, against) {
  const base = samplesOf(samples, measure, against);
  return samplesOf(samples, measure, subject).map(({ cpuUs }, i) => cpuUs / base[i].cpuUs);
}

/** The median of these ratios; null where there are none. */
export function ratioOf(samples, measure, subject, against) {
  const ratios = ratiosOf(samples, measure, subject, against);
  return ratios.length === 0 ? null : round(median(ratios));
}

/** The most by which a process grew in any round, warm-up too, against the bodies that were in flight; null where not measured. */
export function peakOf(samples, measures, name, subject) {
  const grown = samples.filter((sample) => sample.measure === name && sample.subject === subject).map(({ grownBytes }) => grownBytes);
  if (grown.length === 0) return null;
  const { concurrency, question } = measures.find((measure) => measure.name === name);
  return round(Math.max(...grown) / (concurrency * JSON.stringify(question).length));
}
