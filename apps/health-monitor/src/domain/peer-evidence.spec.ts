import { node } from './simulated-fleet';
import { maxEvidenceAgeMs, ProbeTrail, weighEvidence, type PeerFinding } from './peer-evidence';

type Outcome = PeerFinding['outcome'];
const trailOf = (...probes: [Outcome, number][]): ProbeTrail => {
  const trail = new ProbeTrail(3_000);
  for (const [outcome, atMs] of probes) trail.add(outcome, atMs);
  return trail;
};
const findingAt = (trail: ProbeTrail, nowMs: number) => trail.at(nowMs, node('n1'))?.finding ?? null;

describe('evidence of a peer', () => {
  it.each([
    ['2,999 ms old counts', 2_999, 'reaches'],
    ['3,000 ms old counts', 3_000, 'reaches'],
    ['3,001 ms old is void', 3_001, null],
  ])('%s', (_name, ageMs, finding) => {
    expect(findingAt(trailOf(['reached', 10_000]), 10_000 + ageMs)).toBe(finding);
  });

  it('is void at three quarters of a short waiting time', () => {
    expect(maxEvidenceAgeMs(4_000)).toBe(3_000);
    expect(maxEvidenceAgeMs(3_000)).toBe(2_250);
  });

  it('fails after two misses in a row', () => {
    expect(findingAt(trailOf(['timeout', 1_000]), 1_500)).toBe('missedOnce');
    expect(findingAt(trailOf(['timeout', 1_000], ['refused', 2_000]), 2_500)).toBe('fails');
    expect(findingAt(trailOf(['timeout', 1_000], ['reached', 2_000], ['timeout', 3_000]), 3_500)).toBe('missedOnce');
  });

  it('counts a probe once, however often it is told', () => {
    expect(findingAt(trailOf(['timeout', 1_000], ['timeout', 1_040]), 1_500)).toBe('missedOnce');
  });

  it('begins anew when the last miss is void', () => {
    expect(findingAt(trailOf(['timeout', 1_000], ['timeout', 4_001]), 4_100)).toBe('missedOnce');
  });
});

const peer = (name: string, finding: PeerFinding['finding']): PeerFinding => ({
  nodeId: node(name),
  finding,
  outcome: finding === 'reaches' ? 'reached' : 'timeout',
  ageMs: 500,
});
const oneZone = { n1: 'z1', n2: 'z1', n3: 'z1' };
const twoZones = { n1: 'z1', n2: 'z1', n3: 'z2' };
const [F, M, R] = ['fails', 'missedOnce', 'reaches'] as const;

describe('a silent node', () => {
  it.each([
    ['two fail', [peer('n1', F), peer('n2', F)], oneZone, 0, 'twoPeersFail'],
    ['two fail of two zones', [peer('n1', F), peer('n3', F)], twoZones, 0, 'twoPeersFail'],
    ['two fail of one zone where there are two', [peer('n1', F), peer('n2', F)], twoZones, 0.49, false],
    ['… and nobody else speaks for half more', [peer('n1', F), peer('n2', F)], twoZones, 0.5, 'onePeerFails'],
    ['one fails', [peer('n1', F)], oneZone, 0.49, false],
    ['one fails for half more', [peer('n1', F)], oneZone, 0.5, 'onePeerFails'],
    ['one fails for half more, another has missed once', [peer('n1', F), peer('n2', M)], oneZone, 0.5, true],
    ['one has missed once', [peer('n1', M)], oneZone, 0.5, true],
    ['nobody has evidence', [], oneZone, 0.49, false],
    ['nobody has evidence for half more', [], oneZone, 9, true],
    ['one reaches', [peer('n1', R)], oneZone, 0, 'peerReaches'],
    ['two fail and one reaches', [peer('n1', F), peer('n2', F), peer('n3', R)], twoZones, 1, 'peerReaches'],
  ] as const)('when %s', (_name, peers, zones, overdue, expected) => {
    const weighed = weighEvidence({ peers, zones, overdue });
    expect(weighed.verdict === 'none' ? weighed.final : weighed.rule).toBe(expected);
  });
});
