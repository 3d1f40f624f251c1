import type { PlanFinding } from '@holdfast/contracts';
import type { Outcome } from './plan';
import { isCalm } from './rebalance';
import type { Brake } from './routing-table';

const liftedBy: Record<Brake, string> = {
  halted: 'resume automation: `holdfast resume [cluster]`',
  blind: 'nothing to do: it goes on when the observer sees again',
  frozen: 'once it is known why its nodes were silent: `holdfast thaw <cluster> --reason …`',
  storeRegressed: 'give the store its newer copy back',
};

/** What a reader of the plan should know before it is carried out; first what speaks against it, for only so many are told. */
export function findingsOf(outcome: Outcome): PlanFinding[] {
  return [...held(outcome), ...unfit(outcome), ...unserved(outcome), ...short(outcome), ...reconnects(outcome)];
}

function held({ before }: Outcome): PlanFinding[] {
  return before.brakes.map((brake) => ({
    ...{ code: 'PLACEMENT_HELD', severity: 'warning', subject: 'cluster' },
    ...{ text: `placement is held (${brake}): nothing moves until that ends`, remedy: liftedBy[brake] },
  }));
}

function unfit({ change, before, steps }: Outcome): PlanFinding[] {
  if (change.type === 'drain' && before.nodes[change.nodeId]?.state === 'closed') {
    const text = `${change.nodeId} is not open: there is nothing to drain`;
    return [{ code: 'NODE_NOT_OPEN', severity: 'error', subject: `node/${change.nodeId}`, text, remedy: null }];
  }
  if (change.type !== 'rebalance') return [];
  if (!isCalm(before)) {
    const away = Object.values(before.nodes).filter(({ state, drain }) => state !== 'open' || drain);
    return away.map(({ nodeId, state, drain }) => ({
      ...{ code: 'NODE_NOT_OPEN', severity: 'error', subject: `node/${nodeId}` },
      text: `${nodeId} is ${drain ? 'drained' : state}: nothing is levelled until it is back`,
      remedy: 'wait until every node is open',
    }));
  }
  if (steps.length > 0) return [];
  const text = 'no move would make it more even';
  return [{ code: 'LEVEL_ALREADY', severity: 'info', subject: `cluster/${change.clusterId}`, text, remedy: null }];
}

function reconnects({ steps }: Outcome): PlanFinding[] {
  return steps
    .filter(({ reconnects }) => reconnects)
    .map(({ subject, toNodeId }) => ({
      ...{ code: 'RECONNECTS', severity: 'info', subject },
      ...{ text: `its clients connect anew once, to ${toNodeId}`, remedy: null },
    }));
}

function unserved({ steps }: Outcome): PlanFinding[] {
  return steps
    .filter(({ does, kind }) => does === 'wait' && kind === 'serve')
    .map(({ subject }) => ({
      ...{ code: 'ONLY_NODE_WITH_MEDIUM', severity: 'error', subject },
      ...{
        text: 'no other open node mounts its medium',
        remedy: 'start another node of the cluster first, or end its drain or maintenance',
      },
    }));
}

function short({ steps }: Outcome): PlanFinding[] {
  return steps
    .filter(({ does, kind }) => does === 'wait' && kind !== 'serve')
    .map(({ taskId, blockedBy }) => ({
      ...{ code: 'CAPACITY_SHORT', severity: 'error', subject: `task/${taskId}` },
      text: `no node has room for it (${wordsOf(blockedBy)})`,
      remedy: 'cancel it, wait for others to end, or force: it then waits for room',
    }));
}

function wordsOf(blockedBy: Readonly<Record<string, number>> = {}): string {
  return Object.entries(blockedBy)
    .map(([filter, nodes]) => `${nodes} ${filter}`)
    .join(', ');
}
