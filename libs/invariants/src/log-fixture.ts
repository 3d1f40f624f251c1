import type { EventType, LoggedEvent } from './event';

type Data = LoggedEvent['data'];
interface Written {
  readonly stream: string;
  readonly type: EventType;
  readonly data: Data;
  readonly more?: Partial<LoggedEvent>;
}

/** Second 0 of every log here. */
const START_MS = Date.parse('2026-01-01T00:00:00Z');
export const atSec = (sec: number): string => new Date(START_MS + sec * 1_000).toISOString();

/** A log as the feed gives it: dense positions and versions, one event a second unless it says when. */
export function logOf(...written: readonly Written[]): LoggedEvent[] {
  const heads = new Map<string, number>();
  return written.map(({ stream, type, data, more }, nth) => {
    const version = more?.version ?? (heads.get(stream) ?? 0) + 1;
    heads.set(stream, version);
    const position = nth + 1;
    const at = more?.at ?? atSec(position);
    const id = `event-${position}`;
    const told = { at, ...data };
    return {
      position,
      topic: 't',
      stream,
      version,
      id,
      type,
      correlationId: id,
      causationId: id,
      ...more,
      at,
      data: told,
    };
  });
}

const inAlpha = { clusterId: 'alpha' };
type On = readonly [stream: string, type: EventType];
export const write = ([stream, type]: On, data: Data = {}, more: Partial<LoggedEvent> = {}): Written => ({
  stream,
  type,
  data,
  more,
});

/** Each on the stream that it is told on, of cluster alpha. */
export const table = (type: EventType, data: Data = {}, more: Partial<LoggedEvent> = {}) =>
  write(['routing-table-alpha', type], { ...inAlpha, ...data }, more);
export const health = (type: EventType, data: Data = {}, more: Partial<LoggedEvent> = {}) =>
  write(['cluster-health-alpha', type], { ...inAlpha, ...data }, more);
export const system = (type: EventType, data: Data = {}, more: Partial<LoggedEvent> = {}) =>
  write(['system-s1', type], { ...inAlpha, systemId: 's1', ...data }, more);
export const agent = (nodeId: string, type: EventType, data: Data = {}) =>
  write([`agent-${nodeId}-j`, type], { ...inAlpha, nodeId, ...data });
/** Nothing of interest, a long time later: what came before has had its time. */
export const later = (sec = 1_000) => write(['request-z', 'AccessDenied'], {}, { at: atSec(sec) });

export const granted = (nodeId: string, epoch: number) => system('SystemServeGranted', { nodeId, epoch });
export const taken = (nodeId: string, epoch: number) =>
  agent(nodeId, 'TaskTaken', { taskId: 'serve-s1', epoch, exports: [] });

export const opened = (nodeId: string, budget = 100) => table('NodeOpened', { nodeId, zone: 'z', budget });
const ofTask = (taskId: string) =>
  taskId.startsWith('serve-')
    ? { taskId, kind: 'serve', subject: 'system/s1' }
    : { taskId, kind: 'snapshot', subject: 'system/s1' };
export const admitted = (taskId: string, cost = 10, spec: Data = { systemId: 's1', pointId: 'p1' }) =>
  table('TaskAdmitted', {
    ...ofTask(taskId),
    cost,
    spec: taskId.startsWith('serve-') ? { address: '127.0.0.1' } : spec,
  });
export const assigned = (taskId: string, nodeId: string, more: Data = {}) =>
  table('TaskAssigned', { ...ofTask(taskId), nodeId, epoch: 1, cause: 'admitted', ...more });
export const moved = (taskId: string, [fromNodeId, nodeId]: [string, string], more: Data = {}) =>
  table('TaskMoved', { ...ofTask(taskId), fromNodeId, nodeId, epoch: 2, cause: 'nodeDown', ...more });
export const ofTaskEvent = (type: EventType, taskId: string, more: Data = {}) =>
  table(type, { ...ofTask(taskId), ...more });
export const closed = (nodeId: string, cause = 'down') => table('NodeClosed', { nodeId, cause, orphans: 1 });
export const held = (brake: string) => table('PlacementHeld', { brake });
export const resumed = (brake: string) => table('PlacementResumed', { brake });

export const suspected = (nodeId = 'n1') => health('NodeSuspected', { nodeId, deadlineAt: atSec(1) });
export const declared = (data: Data = {}, more: Partial<LoggedEvent> = {}) =>
  health(
    'NodeDeclaredDown',
    {
      nodeId: 'n1',
      at: atSec(60),
      reason: 'heartbeatTimeout',
      evidence: {
        rule: 'twoPeersFail',
        peers: [
          { nodeId: 'n2', outcome: 'timeout' },
          { nodeId: 'n3', outcome: 'refused' },
        ],
      },
      ...data,
    },
    more,
  );
