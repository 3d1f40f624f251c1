import type { NodeId } from '@holdfast/contracts';
import fc from 'fast-check';
import { backgroundLimits, type Candidate, place, seedOf } from './placement';

interface Work {
  readonly subject: string;
  readonly cost: number;
}

/** A cluster that work comes to, is placed on, and that loses nodes: placed as the table does it, one after the other. */
class Fleet {
  readonly nodes: (Candidate & { load: number })[];
  readonly owners = new Map<Work, NodeId>();
  private readonly lost = new Set<string>();
  total = 0;

  constructor(budgets: readonly number[]) {
    this.nodes = budgets.map((budget, n) => {
      const nodeId = `n${n}` as NodeId;
      return { nodeId, seed: seedOf(nodeId), budget, load: 0 };
    });
  }

  get open() {
    return this.nodes.filter(({ nodeId }) => !this.lost.has(nodeId));
  }

  take(work: Work): void {
    this.total += work.cost;
    this.place(work);
  }

  /** What it carried goes elsewhere, if there is room. */
  lose(nodeId: NodeId): void {
    this.lost.add(nodeId);
    for (const [work, owner] of this.owners) if (owner === nodeId) this.place(work);
  }

  get maxOverFair(): number {
    const budgets = this.open.reduce((sum, { budget }) => sum + budget, 0);
    return Math.max(...this.open.map(({ load, budget }) => load / ((this.total * budget) / budgets)));
  }

  private place(work: Work): void {
    const request = { ...work, homeId: null, lastOwnerId: this.owners.get(work) ?? null, carriedBy: [] };
    const excludes = ({ nodeId }: Candidate) => (this.lost.has(nodeId) ? 'down' : null);
    const { nodeId } = place({ ...request, total: this.total, limits: backgroundLimits, excludes }, this.nodes);
    const node = this.nodes.find((one) => one.nodeId === nodeId);
    if (!node) return void this.owners.delete(work);
    node.load += work.cost;
    this.owners.set(work, node.nodeId);
  }
}

const budgets = fc.array(fc.integer({ min: 1_000, max: 4_000 }), { minLength: 3, maxLength: 12 });
/** In a thousandth of what the whole cluster can carry. */
const costs = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 150 });

/** Work of these sizes, no piece of it above a twentieth of the fair share that the smallest of the nodes will have. */
function smallWork(budgets: readonly number[], costs: readonly number[], filledTo: number): Work[] {
  const capacity = budgets.reduce((sum, budget) => sum + budget, 0);
  const most = (0.05 * filledTo * Math.min(...budgets)) / 30;
  const work: Work[] = [];
  for (let total = 0, n = 0; total < filledTo * capacity; n++) {
    const cost = (costs[n % costs.length] as number) * most;
    work.push({ subject: `snapshot system/s${n}`, cost });
    total += cost;
  }
  return work;
}

/** A millionth of room: loads are sums of fractions. */
const AT_MOST = 1.1 + 1e-6;

it('stays within 1.10 of fair where no task exceeds 5 % of it, whatever came when, and after a node is lost', () => {
  fc.assert(
    fc.property(budgets, costs, fc.double({ min: 0.05, max: 0.55, noNaN: true }), (budgets, costs, filledTo) => {
      const fleet = new Fleet(budgets);
      for (const work of smallWork(budgets, costs, filledTo)) fleet.take(work);
      expect(fleet.maxOverFair).toBeLessThanOrEqual(AT_MOST);

      fleet.lose(fleet.nodes[0]?.nodeId as NodeId);
      expect(fleet.maxOverFair).toBeLessThanOrEqual(AT_MOST);
    }),
    { numRuns: 60 },
  );
});

it('loads no node above 0.9 of its budget, however much there is to do', () => {
  fc.assert(
    fc.property(budgets, costs, (budgets, costs) => {
      const capacity = budgets.reduce((sum, budget) => sum + budget, 0);
      const fleet = new Fleet(budgets);
      costs.forEach((cost, n) => {
        fleet.take({ subject: `t${n}`, cost: (cost * capacity) / 1_000 });
        for (const { load, budget } of fleet.open) expect(load).toBeLessThanOrEqual(0.9 * budget);
      });
      // What found no place would fit nowhere.
      const waiting = fleet.total - fleet.nodes.reduce((sum, { load }) => sum + load, 0);
      const room = Math.max(...fleet.nodes.map(({ load, budget }) => 0.9 * budget - load));
      if (waiting > 1e-6) expect(room).toBeLessThan((30 * capacity) / 1_000);
    }),
  );
});

it('moves the orphans of a lost node and nothing else', () => {
  fc.assert(
    fc.property(budgets, costs, fc.nat(), (budgets, costs, which) => {
      const fleet = new Fleet(budgets);
      costs.forEach((cost, n) => fleet.take({ subject: `t${n}`, cost: cost * 10 }));
      const before = new Map(fleet.owners);
      const lost = `n${which % budgets.length}` as NodeId;
      fleet.lose(lost);
      for (const [work, owner] of before) if (owner !== lost) expect(fleet.owners.get(work)).toBe(owner);
      for (const owner of fleet.owners.values()) expect(owner).not.toBe(lost);
    }),
  );
});

it('sends the orphans of one node to all the others, not to one', () => {
  const fleet = new Fleet(Array.from({ length: 10 }, () => 1_000));
  for (let n = 0; n < 400; n++) fleet.take({ subject: `t${n}`, cost: 10 });
  const orphans = [...fleet.owners].filter(([, owner]) => owner === 'n3').map(([work]) => work);
  fleet.lose('n3' as NodeId);
  expect(new Set(orphans.map((work) => fleet.owners.get(work))).size).toBeGreaterThanOrEqual(8);
});
