import type { NodeId } from '@holdfast/contracts';
import { type Candidate, place, rendezvousScore } from './placement';

const id = (name: string) => name as NodeId;
const candidate = (name: string, parts: Partial<Candidate> = {}): Candidate => ({
  ...{ nodeId: id(name), weight: 100, systems: 0, excludedBy: null },
  ...parts,
});
const request = { subject: 'serve-s1', homeId: null, lastOwnerId: null, systems: 4 };

/** The names, the highest score first. */
const byScore = (names: string[]) =>
  names
    .map((name) => ({ name, score: rendezvousScore('serve-s1', { nodeId: name, weight: 100 }) }))
    .sort((a, b) => b.score - a.score)
    .map(({ name }) => name) as [string, string, string];

describe('the order', () => {
  const [first, second, third] = byScore(['n1', 'n2', 'n3']);
  const nodes = ['n1', 'n2', 'n3'].map((name) => candidate(name));

  it('is by rendezvous', () => {
    const choice = place(request, nodes);
    expect(choice.nodeId).toBe(first);
    expect(choice.placement.candidates.map(({ nodeId }) => nodeId)).toEqual([first, second, third]);
  });

  it('puts the last owner before it, and home before both', () => {
    expect(place({ ...request, lastOwnerId: id(third) }, nodes).nodeId).toBe(third);
    expect(place({ ...request, lastOwnerId: id(third), homeId: id(second) }, nodes).nodeId).toBe(second);
  });

  it('is the same whatever the order of the nodes', () => {
    expect(place(request, [...nodes].reverse())).toEqual(place(request, nodes));
  });
});

describe('the bound', () => {
  // Of 4 systems on 2 equal nodes each carries at most ⌈1.25 · 4 / 2⌉ = 3.
  const [first, second] = byScore(['n1', 'n2']);

  it('lets the first have its third system', () => {
    expect(place(request, [candidate(first, { systems: 2 }), candidate(second)]).nodeId).toBe(first);
  });

  it('sends the fourth to the next', () => {
    expect(place(request, [candidate(first, { systems: 3 }), candidate(second)]).nodeId).toBe(second);
  });

  it('gives way when all are over it: the least loaded takes one more', () => {
    const full = [candidate(first, { systems: 5 }), candidate(second, { systems: 4 })];
    expect(place(request, full).nodeId).toBe(second);
  });

  it('is each node’s share of the weight', () => {
    const { candidates } = place(request, [candidate('n1', { weight: 300 }), candidate('n2')]).placement;
    expect(Object.fromEntries(candidates.map(({ nodeId, bound }) => [nodeId, bound]))).toEqual({ n1: 4, n2: 2 });
  });
});

describe('the filters', () => {
  it('keep excluded nodes out and count them, each under its filter', () => {
    const choice = place(request, [
      candidate('n1', { excludedBy: 'down' }),
      candidate('n2', { excludedBy: 'suspect' }),
      candidate('n3', { excludedBy: 'down' }),
    ]);
    expect(choice).toEqual({
      nodeId: null,
      placement: {
        candidates: [],
        excluded: [
          { nodeId: 'n1', filter: 'down' },
          { nodeId: 'n2', filter: 'suspect' },
          { nodeId: 'n3', filter: 'down' },
        ],
      },
      blockedBy: { down: 2, suspect: 1 },
    });
  });

  it('are shown for at most eight candidates', () => {
    const many = Array.from({ length: 12 }, (_, n) => candidate(`n${n}`));
    expect(place(request, many).placement.candidates).toHaveLength(8);
  });
});

it('gives each node its share of the weight: three times the weight, three times the systems', () => {
  const wins = { n1: 0, n2: 0 };
  for (let n = 0; n < 4_000; n++) {
    const subject = `serve-s${n}`;
    const score = (nodeId: 'n1' | 'n2', weight: number) => rendezvousScore(subject, { nodeId, weight });
    wins[score('n1', 300) > score('n2', 100) ? 'n1' : 'n2']++;
  }
  expect(wins.n1 / 4_000).toBeCloseTo(0.75, 1);
});
