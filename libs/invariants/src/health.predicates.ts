import { orderUnder } from './brakes';
import type { Told } from './event';
import { judged, type LogPredicate } from './predicate';
import { plays } from './vocabulary';

type Declared = Told & { type: 'NodeDeclaredDown' };

const isAutomatic = (event: Told): event is Declared =>
  event.type === 'NodeDeclaredDown' && event.data.reason !== 'operatorRequest';
const nodeOf = (event: { data: { nodeId: string } }) => `node/${event.data.nodeId}`;

export const H1: LogPredicate = {
  id: 'H1',
  text: 'declared down: silent past its deadline, seen, and a second kind of evidence, or an operator',
  whole: true,
  see(event, { health }) {
    if (event.type !== 'NodeDeclaredDown') return undefined;
    if (!isAutomatic(event)) return judged(nodeOf(event));
    const doubt = health.get(event.data.clusterId)?.nodes.get(event.data.nodeId)?.doubt ?? null;
    const { deadlineAt = null } = doubt ?? {};
    return judged(
      nodeOf(event),
      doubt === null && 'declared down, and nobody had doubted it',
      deadlineAt !== null && Date.parse(event.data.at) < Date.parse(deadlineAt) && 'declared down before its deadline',
      lacksEvidence(event) && 'declared down on silence alone',
    );
  },
};

function lacksEvidence({ data: { evidence } }: Declared): boolean {
  const { rule, peers } = evidence;
  const reached = peers.filter(({ outcome }) => outcome === 'reached').length;
  const needed = rule === 'twoPeersFail' ? 2 : 1;
  return reached > 0 || peers.length < needed;
}

export const H2: LogPredicate = {
  id: 'H2',
  text: 'many silent at once: no automatic action in that cluster',
  see(event, world) {
    if (!isAutomatic(event)) return orderUnder('frozen', event, world);
    const frozen = world.health.get(event.data.clusterId)?.frozen;
    return judged(nodeOf(event), frozen && 'declared down in a frozen cluster');
  },
};

export const H3: LogPredicate = {
  id: 'H3',
  text: 'blind: no declaration, move or change of status',
  see(event, world) {
    if (!isAutomatic(event) && !plays(event.type, 'status')) return orderUnder('blind', event, world);
    const { clusterId, nodeId } = event.data as { clusterId: string; nodeId: string };
    return judged(`node/${nodeId}`, world.health.get(clusterId)?.blind && `${event.type} while blind`);
  },
};

const verdicts: ReadonlySet<string> = new Set(['NodeFoundIsolated', 'NodeFoundImpaired', 'NodeFoundPartitioned']);

export const H5: LogPredicate = {
  id: 'H5',
  text: 'maintenance or halt: no automatic action',
  see(event, world) {
    if (!isAutomatic(event) && !verdicts.has(event.type)) return orderUnder('halted', event, world);
    const { clusterId, nodeId } = event.data as { clusterId: string; nodeId: string };
    const maintained = world.health.get(clusterId)?.nodes.get(nodeId)?.inMaintenance;
    return judged(`node/${nodeId}`, maintained && `${event.type} in its maintenance`);
  },
  end: ({ halts }) =>
    halts.broken().map(({ nodeId, position }) => ({
      ...judged(`node/${nodeId}`, 'declared down while automation was halted'),
      position,
    })),
};

export const H6: LogPredicate = {
  id: 'H6',
  text: 'after many restarts no live node is declared down',
  notJudged: 'a restart of the observer itself: it is no event',
  see(event, { health }) {
    if (event.type !== 'NodeRecovered' || event.data.fromStatus !== 'down') return undefined;
    const { clusterId, nodeId, declaredWrongly } = event.data;
    const inTheWake = health.get(clusterId)?.nodes.get(nodeId)?.declaredAfterRestarts;
    return judged(nodeOf(event), declaredWrongly && inTheWake && 'it was alive, and most had just begun anew');
  },
};
