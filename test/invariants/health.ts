import { type LoggedEvent, type Predicate, streams, type Violation } from './evidence';
import { plays } from './vocabulary';

interface Peer {
  nodeId: string;
  outcome: string;
}

/** H1: down means silent past its deadline, seen, and a second kind of evidence; or an operator's word. */
export const H1: Predicate = ({ log }) =>
  eachHealthStream(log, (before, event) => {
    if (!plays(event.type, 'declared') || event.data['reason'] === 'operatorRequest') return [];
    const about = before.filter(({ data }) => data['nodeId'] === event.data['nodeId']);
    const suspected = about.findLast(({ type }) => type === 'NodeSuspected' || type === 'NodeSuspicionWithdrawn');
    if (suspected?.type !== 'NodeSuspected')
      return [violation('H1', event, 'declared down without a standing suspicion')];
    if (String(event.data['at']) < String(suspected.data['deadlineAt']))
      return [violation('H1', event, 'declared down before its deadline')];
    return lacksEvidence(event) ? [violation('H1', event, 'declared down on silence alone')] : [];
  });

/** H2: when many fall silent at once nothing is declared by itself: it is one cause, and likely ours. */
export const H2: Predicate = ({ log }) =>
  eachHealthStream(log, (before, event) => {
    if (!automatic(event)) return [];
    const brake = before.findLast(({ type }) => plays(type, 'frozen') || plays(type, 'thawed'));
    return brake && plays(brake.type, 'frozen') ? [violation('H2', event, 'declared down in a frozen cluster')] : [];
  });

/** H3: what cannot be seen keeps its status. */
export const H3: Predicate = ({ log }) =>
  eachHealthStream(log, (before, event) => {
    if (!automatic(event) && !plays(event.type, 'status')) return [];
    const sight = before.findLast(({ type }) => plays(type, 'blind') || plays(type, 'sighted'));
    return sight && plays(sight.type, 'blind') ? [violation('H3', event, `${event.type} while blind`)] : [];
  });

const automatic = ({ type, data }: LoggedEvent) => plays(type, 'declared') && data['reason'] !== 'operatorRequest';

function lacksEvidence({ data }: LoggedEvent): boolean {
  const { rule, peers } = data['evidence'] as { rule: string; peers: Peer[] };
  const failing = peers.filter(({ outcome }) => outcome !== 'reached').length;
  const needed = rule === 'twoPeersFail' ? 2 : 1;
  return failing < needed || peers.some(({ outcome }) => outcome === 'reached');
}

/** Each event with all that came before it in its cluster's stream. */
function eachHealthStream(
  log: readonly LoggedEvent[],
  check: (before: readonly LoggedEvent[], event: LoggedEvent) => Violation[],
): Violation[] {
  return [...streams(log)]
    .filter(([stream]) => stream.startsWith('cluster-health-'))
    .flatMap(([, events]) => events.flatMap((event, index) => check(events.slice(0, index), event)));
}

function violation(predicate: string, { stream, version, data }: LoggedEvent, message: string): Violation {
  return { predicate, subject: String(data['nodeId'] ?? stream), message: `${message} (${stream}@${version})` };
}
