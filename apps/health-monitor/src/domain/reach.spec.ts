import { heldTogether, isUnreached, UnreachedTrail } from './reach';

const spansOf = (...probes: [fails: boolean, atMs: number][]) => {
  const trail = new UnreachedTrail();
  for (const [fails, atMs] of probes) trail.add(fails, atMs);
  return trail.spans;
};
const span = (fromMs: number, toMs: number) => ({ fromMs, toMs });

describe('when a prober failed', () => {
  it.each([
    ['lasts a second after its last miss', [[true, 1_000]], [span(1_000, 2_000)]],
    [
      'goes on from miss to miss',
      [
        [true, 1_000],
        [true, 1_990],
      ],
      [span(1_000, 2_990)],
    ],
    [
      'ends with the probe that reaches',
      [
        [true, 1_000],
        [false, 1_900],
      ],
      [span(1_000, 1_900)],
    ],
    [
      'has a hole where it did not probe',
      [
        [true, 1_000],
        [true, 2_500],
      ],
      [span(1_000, 2_000), span(2_500, 3_500)],
    ],
    [
      'is never, where it always reached',
      [
        [false, 1_000],
        [false, 2_000],
      ],
      [],
    ],
    [
      'is forgotten with the memory',
      [
        [true, 1_000],
        [false, 61_999],
        [false, 62_000],
      ],
      [],
    ],
  ] as [string, [boolean, number][], object[]][])('%s', (_name, probes, expected) => {
    expect(spansOf(...probes)).toEqual(expected);
  });
});

describe('what several probers found', () => {
  const [a, b, c] = [[span(0, 4_000)], [span(1_000, 2_000), span(2_000, 6_000)], [span(3_000, 7_000)]] as const;

  it('holds together where enough of them overlap', () => {
    expect(heldTogether([a, b, c], 1)).toEqual([span(0, 7_000)]);
    expect(heldTogether([a, b, c], 2)).toEqual([span(1_000, 6_000)]);
    expect(heldTogether([a, b, c], 3)).toEqual([span(3_000, 4_000)]);
    expect(heldTogether([a], 2)).toEqual([]);
  });

  it('does not hold in the moment in which one ends and another begins', () => {
    expect(heldTogether([[span(0, 1_000)], [span(1_000, 2_000)]], 2)).toEqual([]);
  });
});

describe('a node is unreached', () => {
  const whole = span(0, 10_000);

  it.each([
    ['for 2,999 ms of the last 5 s', [span(7_001, 10_000)], whole, false],
    ['for 3,000 ms of the last 5 s', [span(7_000, 10_000)], whole, true],
    ['for 3,000 ms in two parts', [span(5_000, 6_500), span(8_000, 9_500)], whole, true],
    ['for 3,000 ms, one of which lies before', [span(4_999, 7_999)], whole, false],
    ['for 3,000 ms before it is counted', [span(5_000, 10_000)], span(7_001, 10_000), false],
    ['for 3,000 ms of those counted', [span(5_000, 10_000)], span(7_000, 10_000), true],
  ])('%s: %#', (_name, spans, counted, expected) => expect(isUnreached(spans, counted)).toBe(expected));
});
