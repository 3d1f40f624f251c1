import {
  isServeSpec,
  SystemDeleted,
  SystemDeletionStarted,
  SystemRegistered,
  SystemRejected,
  SystemRetired,
  SystemRetirementStarted,
  SystemServeGranted,
  TaskAssigned,
  TaskDeferred,
  TaskHeld,
  TaskMoved,
  TaskRecalled,
  TaskRetryScheduled,
  TaskStartConfirmed,
  TaskTaken,
  systemOfServeTask,
  type EventOf,
  type Instant,
  type TaskKind,
  type VolumeSpec,
} from '@holdfast/contracts';
import { defineProjection, rulesFor, type Touch } from './projection';
import { countsOf } from './tasks.projection';

type ServingState = 'pending' | 'creating' | 'starting' | 'served' | 'waiting' | 'unserved' | 'retired';

export interface SystemRow {
  systemId: string;
  /** Told on the system's own stream; what serves it is told on the cluster's, which may be heard first. */
  lifecycle: 'unknown' | 'registered' | 'retiring' | 'retired' | 'deleting' | 'gone';
  registeredBy: string | null;
  clusterId: string | null;
  address: string | null;
  /** The backup that it was filled from. */
  fromBackup: { systemId: string; pointId: string } | null;
  volumes: VolumeSpec[];
  exports: { volumeId: string; uri: string }[];
  nodeId: string | null;
  epoch: number | null;
  /** The epoch last taken, until its owner is told to stop. A grant is told on another stream than its order, and may be heard before it. */
  servedEpoch: number | null;
  serving: { state: ServingState; since: Instant | null; reason: string | null };
}

/** What was never registered, or is gone, is not shown. What is there has a cluster. */
export const isThere = (row: SystemRow): row is SystemRow & { clusterId: string } =>
  row.lifecycle !== 'unknown' && row.lifecycle !== 'gone';

const NBD_PORT = 10809;
const on = rulesFor<SystemRow>();
const ofSystem = ({ data }: { data: { systemId: string } }) => data.systemId;
/** Tasks of other kinds work on systems too, and say nothing of who serves them. */
const ofServe = ({ data }: { data: { taskId: string; kind: TaskKind } }): Touch[] =>
  data.kind === 'serve' ? servedBy(data.taskId) : [];
/** What an agent tells has no kind: the ids of serve tasks are theirs alone. */
const ofServingAgent = ({ data }: { data: { taskId: string } }): Touch[] => servedBy(data.taskId);
function servedBy(taskId: string): Touch[] {
  const systemId = systemOfServeTask(taskId);
  return systemId === undefined ? [] : [{ key: systemId }];
}

const unheardOf = (systemId: string): SystemRow => ({
  systemId,
  lifecycle: 'unknown',
  registeredBy: null,
  clusterId: null,
  address: null,
  fromBackup: null,
  volumes: [],
  exports: [],
  nodeId: null,
  epoch: null,
  servedEpoch: null,
  serving: { state: 'pending', since: null, reason: null },
});

function update(row: SystemRow | undefined, key: string, change: Partial<SystemRow>): SystemRow {
  return { ...(row ?? unheardOf(key)), ...change };
}

/** `since` changes with the state alone, and when another epoch serves. */
function serving(
  row: SystemRow | undefined,
  state: ServingState,
  told: { at: Instant; reason?: string | null; anew?: boolean },
) {
  const since = row?.serving.state === state && !told.anew ? row.serving.since : told.at;
  return { state, since: since ?? told.at, reason: told.reason ?? null };
}

const isOlder = (row: SystemRow | undefined, epoch: number) => epoch < (row?.epoch ?? 0);

function ordered(
  row: SystemRow | undefined,
  { data }: EventOf<typeof TaskAssigned> | EventOf<typeof TaskMoved>,
  key: string,
): SystemRow | undefined {
  if (isOlder(row, data.epoch)) return row;
  // An agent that started anew is offered what it serves already: clients notice nothing.
  const stillServed = row?.serving.state === 'served' && row.servedEpoch === data.epoch;
  const state = stillServed ? 'served' : isServeSpec(data.spec) && data.spec.create ? 'creating' : 'starting';
  const { nodeId, epoch, clusterId } = data;
  return update(row, key, { nodeId, epoch, clusterId, serving: serving(row, state, data) });
}

export const systemsProjection = defineProjection<SystemRow>('systems', [
  on(SystemRegistered, ofSystem, (row, { data: { clusterId, address, volumes, requestId, fromBackup } }, key) =>
    update(row, key, {
      lifecycle: 'registered',
      registeredBy: requestId,
      clusterId,
      address,
      fromBackup: fromBackup ? { systemId: fromBackup.systemId, pointId: fromBackup.pointId } : null,
      volumes,
      exports: volumes.map(({ volumeId }) => ({ volumeId, uri: `nbd://${address}:${NBD_PORT}/${volumeId}` })),
      serving: row?.serving.state === 'retired' ? unheardOf(key).serving : (row ?? unheardOf(key)).serving,
    }),
  ),
  // A name taken already is refused under another request: that system stays.
  on(SystemRejected, ofSystem, (row, { data }) =>
    row && row.registeredBy === data.requestId ? { ...row, lifecycle: 'gone' } : row,
  ),
  on(SystemRetirementStarted, ofSystem, (row, _event, key) => update(row, key, { lifecycle: 'retiring' })),
  on(SystemRetired, ofSystem, (row, { data }, key) =>
    update(row, key, { lifecycle: 'retired', serving: serving(row, 'retired', data) }),
  ),
  on(SystemDeletionStarted, ofSystem, (row, _event, key) => update(row, key, { lifecycle: 'deleting' })),
  on(SystemDeleted, ofSystem, (row, _event, key) => update(row, key, { lifecycle: 'gone' })),

  on(SystemServeGranted, ofSystem, (row, { data: { nodeId, epoch, clusterId } }, key) =>
    isOlder(row, epoch) ? row : update(row, key, { nodeId, epoch, clusterId }),
  ),
  on(TaskAssigned, ofServe, ordered),
  on(TaskMoved, ofServe, ordered),
  on(TaskStartConfirmed, ofServe, (row, { data }, key) =>
    isOlder(row, data.epoch)
      ? row
      : update(row, key, {
          nodeId: data.nodeId,
          epoch: data.epoch,
          servedEpoch: data.epoch,
          serving: serving(row, 'served', { at: data.at, anew: row?.servedEpoch !== data.epoch }),
        }),
  ),
  on(TaskHeld, ofServe, (row, { data }, key) =>
    isOlder(row, data.epoch)
      ? row
      : update(row, key, { serving: serving(row, 'waiting', { at: data.at, reason: `waits for ${data.waitsFor}` }) }),
  ),
  on(TaskRecalled, ofServe, (row, { data }) => row && (isOlder(row, data.epoch) ? row : { ...row, servedEpoch: null })),
  // Its owner serves on while it waits for another node, unless it was told to stop: that is a reason, and no state.
  on(TaskDeferred, ofServe, (row, { data }, key) => {
    const isKept = row?.serving.state === 'served' && row.servedEpoch !== null;
    const reason = `no node now: ${countsOf(data.blockedBy)}`;
    return update(row, key, { serving: serving(row, isKept ? 'served' : 'pending', { at: data.at, reason }) });
  }),
  on(TaskRetryScheduled, ofServe, (row, { data }, key) =>
    update(row, key, {
      serving: serving(row, 'pending', { at: data.at, reason: `${data.code}, tried again at ${data.notBefore}` }),
    }),
  ),
  on(TaskTaken, ofServingAgent, (row, { data }) =>
    row && data.exports && !isOlder(row, data.epoch) ? { ...row, exports: data.exports } : row,
  ),
]);
