import type { Brake, ClusterId, NodeStatus } from '@holdfast/contracts';
import type { ClusterHealth, HealthEvent } from './cluster-health';
import type { JudgeCluster } from './commands';
import { isGraver } from './impairment';
import { weighEvidence } from './peer-evidence';
import { evidenceOf, overdueOf, silentMsOf, toInstant, type Scene, type Standing } from './standing';

type Verdict = Extract<
  HealthEvent,
  { type: 'NodeDeclaredDown' | 'NodeFoundIsolated' | 'NodeFoundPartitioned' | 'NodeFoundImpaired' }
>;

/** The verdict table, row by row, and the brakes before each verdict. */
export function findVerdicts(command: JudgeCluster, scene: Scene, state: ClusterHealth): HealthEvent[] {
  const { clusterId } = command;
  const zones = zonesOf(state);
  return scene.standings.flatMap((standing) => {
    const it = { clusterId, standing, scene, zones };
    const found = verdictOn(it);
    if (found === null) return [];
    if (found === 'noEvidence') return withhold(it, 'down', 'noEvidence');
    const brake = brakeOf(command, it, state);
    return brake ? withhold(it, names[found.type], brake) : [found];
  });
}

interface Case {
  readonly clusterId: ClusterId;
  readonly standing: Standing;
  readonly scene: Scene;
  readonly zones: Readonly<Record<string, string>>;
}

const DOUBTED: readonly NodeStatus[] = ['suspect', 'isolated', 'partitioned', 'impaired'];
const BEATING: readonly NodeStatus[] = ['healthy', 'partitioned', 'impaired'];

function verdictOn(it: Case): Verdict | 'noEvidence' | null {
  const { node, silent, inMaintenance } = it.standing;
  // In maintenance nobody is suspected, yet what would have been its verdict is told.
  const judgedSilent = inMaintenance ? ['healthy', ...DOUBTED] : DOUBTED;
  if (silent) return judgedSilent.includes(node.status) ? onSilence(it) : null;
  if (!it.standing.measure.beat || !BEATING.includes(node.status)) return null;
  return onReport(it) ?? onUnreached(it);
}

function onSilence({ clusterId, standing, scene, zones }: Case): Verdict | 'noEvidence' | null {
  const { node, measure, lastHeartbeatMs, inMaintenance } = standing;
  const { [node.nodeId]: _own, ...others } = zones;
  const weighed = weighEvidence({ peers: measure.peers, zones: others, overdue: overdueOf(standing, scene.atMs) });
  // Suspicion is told with its lack of evidence; the others have told what they are.
  if (weighed.verdict === 'none') {
    return weighed.final && node.status === 'suspect' && !inMaintenance ? 'noEvidence' : null;
  }

  const ofNode = { clusterId, at: toInstant(scene.atMs), nodeId: node.nodeId };
  const lastHeartbeatAt = toInstant(lastHeartbeatMs ?? node.sinceMs);
  const silentMs = silentMsOf(standing, scene.atMs);
  const evidence = evidenceOf(standing, weighed.rule, scene);
  if (weighed.verdict === 'isolated') {
    if (node.status !== 'suspect' && node.status !== 'healthy') return null;
    return { type: 'NodeFoundIsolated', data: { ...ofNode, lastHeartbeatAt, silentMs, evidence } };
  }
  const incarnation = measure.beat?.incarnation ?? node.incarnation;
  const seen = { reason: 'heartbeatTimeout' as const, lastHeartbeatAt, silentMs, incarnation, evidence };
  return { type: 'NodeDeclaredDown', data: { ...ofNode, ...seen } };
}

function onReport({ clusterId, standing, scene }: Case): Verdict | null {
  const { node, measure } = standing;
  if (!measure.fault || !isGraver(measure.fault, node.fault)) return null;
  const evidence = evidenceOf(standing, 'reportedImpaired', scene);
  const ofNode = { clusterId, at: toInstant(scene.atMs), nodeId: node.nodeId };
  return { type: 'NodeFoundImpaired', data: { ...ofNode, ...measure.fault, evidence } };
}

function onUnreached({ clusterId, standing, scene }: Case): Verdict | null {
  const { node, unreached } = standing;
  // An impaired node is closed already, and for what weighs more.
  if (!unreached || node.status !== 'healthy') return null;
  const evidence = evidenceOf(standing, 'peersFail', scene);
  return {
    type: 'NodeFoundPartitioned',
    data: { clusterId, at: toInstant(scene.atMs), nodeId: node.nodeId, evidence },
  };
}

/** Whoever works on this node knows best; the others in the order in which all deciders check them. The blind do not judge. */
function brakeOf({ halted }: JudgeCluster, { standing }: Case, { frozen }: ClusterHealth): Brake | null {
  if (standing.inMaintenance) return 'maintenance';
  if (halted) return 'halted';
  return frozen ? 'frozen' : null;
}

type Withheld = Extract<HealthEvent, { type: 'VerdictWithheld' }>['data']['verdict'];

const names: Record<Verdict['type'], Withheld> = {
  NodeDeclaredDown: 'down',
  NodeFoundIsolated: 'isolated',
  NodeFoundPartitioned: 'partitioned',
  NodeFoundImpaired: 'impaired',
};

function withhold({ clusterId, standing, scene }: Case, verdict: Withheld, brake: Brake): HealthEvent[] {
  const { node } = standing;
  // Who works on a node knows that it is away, however that shows: once is enough.
  const isTold = (told: string) => told === `${verdict}:${brake}` || (brake === 'maintenance' && told.endsWith(brake));
  if (node.withheld.some(isTold)) return [];
  return [
    { type: 'VerdictWithheld', data: { clusterId, at: toInstant(scene.atMs), nodeId: node.nodeId, verdict, brake } },
  ];
}

const zonesOf = ({ nodes }: ClusterHealth): Record<string, string> =>
  Object.fromEntries(Object.values(nodes).map(({ nodeId, zone }) => [nodeId, zone]));
