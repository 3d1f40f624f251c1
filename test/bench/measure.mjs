// What all benchmarks share: rounds turn and turn about, the middle and the spread, a table ready for the README.
import { availableParallelism, loadavg } from 'node:os';

export const quantile = (values, q) => [...values].sort((a, b) => a - b)[Math.ceil(q * values.length) - 1];
export const median = (values) => quantile(values, 0.5);

/**
 * All are run one after the other, the next time the other way round, so that a busy moment of the machine meets each.
 * The first round warms plans, pages and code, and is forgotten.
 */
export async function interleave(rounds, contestants) {
  const results = [];
  const names = Object.keys(contestants);
  for (let round = -1; round < rounds; round += 1) {
    const result = {};
    for (const who of round % 2 === 0 ? names : names.toReversed()) result[who] = await contestants[who](round);
    if (round >= 0) results.push(result);
  }
  return results;
}

/** So many callers at once, each its next call when the last is answered, for so long. */
export async function hammer(callers, seconds) {
  const times = [];
  const began = performance.now();
  const until = began + seconds * 1_000;
  await Promise.all(
    callers.map(async (call) => {
      for (let asked = began; asked < until; asked = performance.now()) {
        await call();
        times.push(performance.now() - asked);
      }
    }),
  );
  return { perSecond: times.length / ((performance.now() - began) / 1_000), times };
}

/** One line of a comparison: rates of both, our share of the peer's as median and range over the rounds. */
export function compared({ what, peer, events = 1, target }, results) {
  const rate = (who) => Math.round(median(results.map((result) => result[who].perSecond)) * events);
  const shares = results.map(({ ours, peer: theirs }) => ours.perSecond / theirs.perSecond);
  const share = median(shares);
  const times = results.flatMap(({ ours }) => ours.times ?? []);
  const ms = (q) => quantile(times, q).toFixed(1);
  return {
    met: target === undefined || share >= target,
    cells: [
      what,
      peer,
      thousands(rate('ours')),
      thousands(rate('peer')),
      spread(shares),
      target === undefined ? '–' : `≥ ${target}: ${share >= target ? 'met' : 'MISSED'}`,
      times.length > 0 ? `${ms(0.5)}, ${ms(0.99)} ms` : '–',
    ],
  };
}

/** Of this process alone: others on the machine do not count. */
export function cpuMs(work) {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/** Median and range. */
export function spread(values, digits = 2) {
  const shown = (value) => value.toFixed(digits);
  return `${shown(median(values))} (${shown(Math.min(...values))}–${shown(Math.max(...values))})`;
}

export function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

export function machine() {
  const [load] = loadavg();
  return `${availableParallelism()} cores, load ${load.toFixed(1)} at the end, Node ${process.version.slice(1)}`;
}

const thousands = (value) => value.toLocaleString('en');
