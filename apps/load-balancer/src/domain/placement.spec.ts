import type { NodeId } from '@holdfast/contracts';
import {
  backgroundLimits,
  type Candidate,
  place,
  type PlacementRequest,
  rendezvousScore,
  seedOf,
  systemLimits,
} from './placement';

const id = (name: string) => name as NodeId;
const candidate = (name: string, load = 0, budget = 100): Candidate => ({
  ...{ nodeId: id(name), seed: seedOf(name), budget, load },
});
const system: PlacementRequest = {
  ...{ subject: 'serve-s1', homeId: null, lastOwnerId: null, carriedBy: [] },
  ...{ cost: 1, total: 4, limits: systemLimits },
};
const background: PlacementRequest = { ...system, cost: 10, total: 100, limits: backgroundLimits };

/** The names, the highest score first. */
const byScore = (names: string[]) =>
  names
    .map((name) => ({ name, score: rendezvousScore(seedOf('serve-s1'), candidate(name)) }))
    .sort((a, b) => b.score - a.score)
    .map(({ name }) => name) as [string, string, string];

describe('the order', () => {
  const [first, second, third] = byScore(['n1', 'n2', 'n3']);
  const nodes = ['n1', 'n2', 'n3'].map((name) => candidate(name));
  const shown = (request: PlacementRequest) => place(request, nodes).placement.candidates.map(({ nodeId }) => nodeId);

  it('is by rendezvous', () => {
    expect(place(system, nodes).nodeId).toBe(first);
    expect(shown(system)).toEqual([first, second, third]);
  });

  it('puts the last owner before it, and home before both', () => {
    expect(shown({ ...system, lastOwnerId: id(third) })).toEqual([third, first, second]);
    expect(shown({ ...system, lastOwnerId: id(third), homeId: id(second) })).toEqual([second, third, first]);
  });

  it('is the same whatever the order of the nodes', () => {
    expect(place(system, [...nodes].reverse())).toEqual(place(system, nodes));
  });

  it('shows the eight that rank first, of however many', () => {
    const many = Array.from({ length: 40 }, (_, n) => candidate(`n${n}`));
    const { candidates } = place(system, many).placement;
    expect(candidates.map(({ nodeId }) => nodeId)).toEqual(byScore(many.map(({ nodeId }) => nodeId)).slice(0, 8));
    expect(candidates.map(({ rank }) => rank)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });
});

describe('the bound of systems', () => {
  // Of 4 systems on 2 equal nodes each carries at most ⌈1.25 · 4 / 2⌉ = 3.
  const [first, second] = byScore(['n1', 'n2']);

  it('lets the first have its third system', () => {
    expect(place(system, [candidate(first, 2), candidate(second)]).nodeId).toBe(first);
  });

  it('sends the fourth to the next', () => {
    expect(place(system, [candidate(first, 3), candidate(second)]).nodeId).toBe(second);
  });

  it('counts a system once on the node that has it', () => {
    expect(place({ ...system, carriedBy: [id(first)] }, [candidate(first, 3), candidate(second)]).nodeId).toBe(first);
  });

  it('gives way when all are over it: the least loaded takes one more, however full', () => {
    expect(place(system, [candidate(first, 500), candidate(second, 499)]).nodeId).toBe(second);
  });

  it('is each node’s share of the budget', () => {
    const { candidates } = place(system, [candidate('n1', 0, 300), candidate('n2')]).placement;
    expect(Object.fromEntries(candidates.map(({ nodeId, bound }) => [nodeId, bound]))).toEqual({ n1: 4, n2: 2 });
  });
});

describe('the bound of background tasks', () => {
  const [first, second] = byScore(['n1', 'n2']);

  // Fair is 100 · 100 / 200 = 50 each, and a tenth above it 55.
  it('lets the first come up to 1.10 of its fair share', () => {
    expect(place(background, [candidate(first, 45), candidate(second, 0)]).nodeId).toBe(first);
  });

  it('sends what would exceed it to the next', () => {
    expect(place(background, [candidate(first, 45.1), candidate(second, 0)]).nodeId).toBe(second);
  });

  it('gives way when all would exceed it: the least loaded for its budget takes it', () => {
    const uneven = [candidate(first, 80, 100), candidate(second, 120, 200)];
    expect(place({ ...background, cost: 10, total: 100 }, uneven).nodeId).toBe(second);
  });

  it('gives way to the first in order, of those that are equally loaded: home, in a quiet cluster', () => {
    const alone = { ...background, cost: 10, total: 10 };
    const idle = ['n1', 'n2', 'n3'].map((name) => candidate(name));
    const [ranksFirst] = byScore(['n1', 'n2', 'n3']);
    expect(place(alone, idle).nodeId).toBe(ranksFirst);
    for (const { nodeId } of idle) expect(place({ ...alone, homeId: nodeId }, idle).nodeId).toBe(nodeId);
  });

  it('is 0.9 of the budget at most: full is nobody’s turn', () => {
    const heavy = { ...background, total: 1_000 };
    expect(place(heavy, [candidate(first, 80), candidate(second, 90)]).nodeId).toBe(first);
    expect(place(heavy, [candidate(first, 80.1), candidate(second, 90)])).toMatchObject({
      nodeId: null,
      blockedBy: { capacity: 2 },
    });
  });

  it('lets no task in that is larger than what a node may carry', () => {
    expect(place({ ...background, cost: 90, total: 90 }, [candidate('n1')]).nodeId).toBe('n1');
    expect(place({ ...background, cost: 90.1, total: 90.1 }, [candidate('n1')]).nodeId).toBeNull();
  });
});

describe('the filters', () => {
  const nodes = ['n1', 'n2', 'n3'].map((name) => candidate(name));
  const by =
    (filters: Record<string, string>) =>
    ({ nodeId }: Candidate) =>
      filters[nodeId] ?? null;

  it('keep excluded nodes out and count them, each under its filter', () => {
    const choice = place({ ...system, excludes: by({ n1: 'down', n2: 'suspect', n3: 'down' }) }, nodes);
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

  it('avoid a node while there is another', () => {
    const avoids = by({ n1: 'avoided', n2: 'avoided' });
    expect(place({ ...system, avoids }, nodes).nodeId).toBe('n3');
    expect(place({ ...system, avoids, excludes: by({ n3: 'down' }) }, nodes).nodeId).toMatch(/n[12]/);
  });
});

it('gives each node its share of the budget: three times the budget, three times the tasks', () => {
  const [big, small] = [candidate('n1', 0, 300), candidate('n2', 0, 100)];
  let won = 0;
  for (let n = 0; n < 4_000; n++) {
    const subject = seedOf(`serve-s${n}`);
    if (rendezvousScore(subject, big) > rendezvousScore(subject, small)) won++;
  }
  expect(won / 4_000).toBeCloseTo(0.75, 1);
});
