import type { Brake, ClusterId } from '@holdfast/contracts';
import type { ClusterHealth, HealthEvent } from './cluster-health';
import type { JudgeCluster } from './commands';
import { isGraver } from './impairment';
import { weighEvidence } from './peer-evidence';
import { evidenceOf, overdueOf, silentMsOf, toInstant, type Scene, type Standing } from './standing';

type Verdict = Extract<HealthEvent, { type: 'NodeDeclaredDown' | 'NodeFoundIsolated' | 'NodeFoundImpaired' }>;

/** The verdict table, row by row, and the brakes before each verdict. */
export function findVerdicts(command: JudgeCluster, scene: Scene, state: ClusterHealth): HealthEvent[] {
  const { clusterId } = command;
  const zones = zonesOf(state);
  return scene.standings.flatMap((standing) => {
    const it = { clusterId, standing, scene, zones };
    const found = verdictOn(it);
    if (found === null) return [];
    if (found === 'noEvidence') return withhold(it, 'down', 'noEvidence');
    const brake = brakeOf(command, state);
    return brake ? withhold(it, nameOf(found), brake) : [found];
  });
}

interface Case {
  readonly clusterId: ClusterId;
  readonly standing: Standing;
  readonly scene: Scene;
  readonly zones: Readonly<Record<string, string>>;
}

function verdictOn(it: Case): Verdict | 'noEvidence' | null {
  const { node, silent } = it.standing;
  if (silent && ['suspect', 'isolated', 'impaired'].includes(node.status)) return onSilence(it);
  const beats = !silent && it.standing.measure.beat !== null;
  if (beats && (node.status === 'healthy' || node.status === 'impaired')) return onReport(it);
  return null;
}

function onSilence({ clusterId, standing, scene, zones }: Case): Verdict | 'noEvidence' | null {
  const { node, measure, lastHeartbeatMs } = standing;
  const { [node.nodeId]: _own, ...others } = zones;
  const weighed = weighEvidence({ peers: measure.peers, zones: others, overdue: overdueOf(standing, scene.atMs) });
  // Suspicion is told with its lack of evidence; the other two have told what they are.
  if (weighed.verdict === 'none') return weighed.final && node.status === 'suspect' ? 'noEvidence' : null;

  const ofNode = { clusterId, at: toInstant(scene.atMs), nodeId: node.nodeId };
  const lastHeartbeatAt = toInstant(lastHeartbeatMs ?? node.sinceMs);
  const silentMs = silentMsOf(standing, scene.atMs);
  const evidence = evidenceOf(standing, weighed.rule, scene);
  if (weighed.verdict === 'isolated') {
    if (node.status !== 'suspect') return null;
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

/** In the order in which all deciders check them; the blind do not judge at all. */
function brakeOf({ halted }: JudgeCluster, { frozen }: ClusterHealth): Brake | null {
  if (halted) return 'halted';
  return frozen ? 'frozen' : null;
}

type Withheld = Extract<HealthEvent, { type: 'VerdictWithheld' }>['data']['verdict'];

const nameOf = ({ type }: Verdict): Withheld =>
  type === 'NodeDeclaredDown' ? 'down' : type === 'NodeFoundIsolated' ? 'isolated' : 'impaired';

function withhold({ clusterId, standing, scene }: Case, verdict: Withheld, brake: Brake): HealthEvent[] {
  const { node } = standing;
  if (node.withheld.includes(`${verdict}:${brake}`)) return [];
  return [
    { type: 'VerdictWithheld', data: { clusterId, at: toInstant(scene.atMs), nodeId: node.nodeId, verdict, brake } },
  ];
}

const zonesOf = ({ nodes }: ClusterHealth): Record<string, string> =>
  Object.fromEntries(Object.values(nodes).map(({ nodeId, zone }) => [nodeId, zone]));
