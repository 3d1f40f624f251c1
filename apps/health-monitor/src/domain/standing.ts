import type { Evidence, NodeId } from '@holdfast/contracts';
import type { ClusterHealth, NodeHealth } from './cluster-health';
import { freezeLimit } from './freeze';
import type { NodeMeasure } from './node-observer';
import { ONE_CAUSE_MS } from './numbers';
import type { Measurement } from './partition-observer';
import { isUnreached } from './reach';
import { deadlineMs, isLate, isSilent, type Waiting } from './silence';

/** One node as a judgement sees it: what the stream says of it beside what the memory says. */
export interface Standing {
  readonly node: NodeHealth;
  readonly measure: NodeMeasure;
  /** Null for a node that never beat: nobody waits for it. */
  readonly waiting: Waiting | null;
  readonly silent: boolean;
  readonly late: boolean;
  readonly lastHeartbeatMs: number | null;
  readonly lateUntilMs: number;
  /** Late already when a person lifted the freeze. */
  readonly excused: boolean;
  /** It beats, and its peers cannot reach it. */
  readonly unreached: boolean;
  /** Planned work: no verdict, no suspicion, and no sign of a common cause. */
  readonly inMaintenance: boolean;
}

export interface Scene {
  readonly atMs: number;
  readonly standings: readonly Standing[];
  readonly limit: number;
  /** Those that one cause may have taken: late ones, and verdicts of the last seconds. */
  readonly counted: readonly NodeId[];
  readonly allSilent: boolean;
}

export interface Seen {
  readonly alphaMs: number;
  readonly measurement: Measurement;
}

export function sceneOf({ measurement, alphaMs }: Seen, state: ClusterHealth): Scene {
  const { atMs } = measurement;
  const measures = new Map(measurement.nodes.map((measure) => [measure.nodeId, measure]));
  const standings = Object.values(state.nodes).map((node) =>
    standingOf({ node, measure: measures.get(node.nodeId) ?? nothingOf(node.nodeId), state }, { measurement, alphaMs }),
  );
  const awaited = standings.filter(({ waiting }) => waiting);
  const allSilent = awaited.every(({ silent }) => silent) && awaited.some(({ inMaintenance }) => !inMaintenance);
  return {
    atMs,
    standings,
    limit: freezeLimit(standings.length),
    counted: standings.filter((one) => countsAsLate(one, atMs)).map(({ node }) => node.nodeId),
    allSilent,
  };
}

interface Told {
  readonly node: NodeHealth;
  readonly measure: NodeMeasure;
  readonly state: ClusterHealth;
}

function standingOf({ node, measure, state }: Told, { measurement, alphaMs }: Seen): Standing {
  const { atMs, memoryFromMs } = measurement;
  // Without a beat in memory it is silent at least since the memory begins.
  const dueMs = measure.expectedMs ?? (node.status === 'joining' ? null : memoryFromMs);
  const fromMs = Math.max(state.sight.sinceMs, node.awaitedFromMs);
  const waiting = dueMs === null ? null : { fromMs: Math.max(dueMs, fromMs), alphaMs };
  const late = waiting !== null && isLate(waiting, atMs);
  const thawedMs = state.thawedByOperatorMs;
  return {
    node,
    measure,
    waiting,
    late,
    silent: waiting !== null && isSilent(waiting, atMs),
    lastHeartbeatMs: measure.beat?.atMs ?? node.lastHeartbeatMs,
    lateUntilMs: late ? atMs : (measure.lateUntilMs ?? -Infinity),
    excused: waiting !== null && thawedMs !== null && isLate(waiting, thawedMs),
    unreached: isUnreachedWhileBeating(measure, fromMs),
    inMaintenance: node.maintenanceUntilMs !== null,
  };
}

/** Only what befell it while it beat: a node that comes back finds its peers' misses of the time before. */
function isUnreachedWhileBeating({ unreached, beat, beatsFromMs }: NodeMeasure, fromMs: number): boolean {
  if (!beat || beatsFromMs === null) return false;
  return isUnreached(unreached, { fromMs: Math.max(beatsFromMs, fromMs), toMs: beat.atMs });
}

function countsAsLate({ node, late, excused, inMaintenance }: Standing, atMs: number): boolean {
  if (excused || inMaintenance || node.byOperator) return false;
  if (isUndeclared(node)) return late;
  return atMs - node.sinceMs <= ONE_CAUSE_MS;
}

export const isUndeclared = ({ status }: NodeHealth): boolean => status !== 'down' && status !== 'isolated';

/** By how much of α the node is beyond its deadline. */
export const overdueOf = ({ waiting }: Standing, atMs: number): number =>
  waiting ? (atMs - deadlineMs(waiting)) / waiting.alphaMs : 0;

export const silentMsOf = ({ lastHeartbeatMs, waiting }: Standing, atMs: number): number =>
  Math.max(0, atMs - (lastHeartbeatMs ?? waiting?.fromMs ?? atMs));

export function evidenceOf(standing: Standing, rule: Evidence['rule'], scene: Scene): Evidence {
  const peers = standing.measure.peers.map(({ nodeId, outcome, ageMs }) => ({ nodeId, outcome, ageMs }));
  return { rule, peers, lateNodes: scene.counted.length, limit: scene.limit };
}

const nothingOf = (nodeId: NodeId): NodeMeasure => ({
  nodeId,
  beat: null,
  expectedMs: null,
  row: null,
  lateUntilMs: null,
  beatsFromMs: null,
  fault: null,
  faultToldMs: null,
  peers: [],
  unreached: [],
});

export const toInstant = (ms: number): string => new Date(ms).toISOString();

/** The share of its waiting time that a node has used: 0 just after a beat, 1 at its deadline. */
export function suspicionOf({ waiting, lastHeartbeatMs, inMaintenance }: Standing, atMs: number): number {
  if (!waiting || inMaintenance) return 0;
  const fromMs = Math.min(lastHeartbeatMs ?? waiting.fromMs, waiting.fromMs);
  return Math.min(1, Math.max(0, (atMs - fromMs) / (deadlineMs(waiting) - fromMs)));
}
