import {
  isServeSpec,
  systemOfServeTask,
  type EventOf,
  type TaskAssigned,
  type TaskCancelled,
  type TaskMoved,
} from '@holdfast/contracts';
import { currentTraceparent, inSpan, logger, storyAttributes } from '@holdfast/observability';
import { deleteBackup, type BackupName } from './backup-folder';
import type { Obeys } from './ears';
import { endTask, type EndingParts } from './endings';
import type { Cause, Facts, Speaker } from './facts';
import type { Prober } from './prober';

export interface OrdersParts extends EndingParts {
  prober: Prober;
  facts: Facts;
  speaker: Speaker;
}

type Order = EventOf<typeof TaskAssigned>['data'] | EventOf<typeof TaskMoved>['data'];

/** Orders, by whom they are for. Each is carried out beside the others: the next one is heard meanwhile. */
export function obeys(parts: OrdersParts): Obeys {
  const { serving, points, tasks, prober, node, facts, speaker } = parts;
  const { clusterId, nodeId } = speaker;
  return {
    TaskAssigned: (data, cause) => take(parts, data, cause),
    TaskMoved: (data, cause) => take(parts, data, cause),
    TaskRecalled: (data, cause) => {
      if (data.nodeId !== nodeId) return;
      const { kind, taskId, epoch } = data;
      const stop = { name: 'stop', clusterId, taskId, epoch, cause };
      if (kind !== 'serve') return carryOut(stop, (told) => tasks.recall({ taskId, epoch }, told));
      const systemId = systemOfServeTask(taskId);
      if (systemId) carryOut(stop, (told) => serving.recall({ taskId, systemId, epoch }, told));
    },
    PointOrdered: (data, cause) => {
      if (data.nodeId !== nodeId) return;
      const { taskId, systemId, pointId, epoch } = data;
      const freeze = { name: 'freeze', clusterId, taskId, epoch, cause };
      carryOut(freeze, (told) => points.order({ taskId, systemId, pointId, epoch }, told));
    },
    TaskCompleted: ({ kind, taskId, epoch, systemId, pointId }, cause) => {
      const ending = { kind, taskId, epoch, backup: { systemId, pointId } };
      carryOut({ name: 'end', clusterId, taskId, epoch, cause }, () => endTask(parts, ending));
    },
    TaskCancelled: (data, cause) => {
      const { kind, taskId } = data;
      if (kind === 'serve') return cancelServing(parts, taskId, cause);
      const ending = { kind, taskId, backup: backupOf(data) };
      carryOut({ name: 'end', clusterId, taskId, cause }, () => endTask(parts, ending));
    },
    BackupDeletionOrdered: (data, cause) => {
      if (data.nodeId !== nodeId) return;
      const { systemId, pointId, at } = data;
      carryOut({ name: 'delete backup', clusterId, backup: `${systemId}/${pointId}`, cause }, async (told) => {
        if (await deleteBackup(node.mediumFolder, { systemId, pointId, at }))
          await facts.tell({ type: 'BackupDeleted', data: { systemId, pointId } }, told);
      });
    },
    SystemRemovalOrdered: (data, cause) => {
      if (data.nodeId !== nodeId) return;
      const { taskId, systemId, epoch } = data;
      const remove = { name: 'remove', clusterId, taskId, epoch, cause };
      carryOut(remove, (told) => serving.remove({ taskId, systemId, epoch }, told));
    },
    ProbePlanIssued: ({ edges }) =>
      prober.plan(
        edges
          .filter(({ fromNodeId }) => fromNodeId === nodeId)
          .map(({ toNodeId, dataAddress }) => ({ nodeId: toNodeId, dataAddress })),
      ),
  };
}

/**
 * A system that was moved to another node is not taken from this one by the message: the claim on the medium does it.
 * Background work is: what it still wrote would be read by nobody.
 */
function take(parts: OrdersParts, data: Order, cause: Cause): void {
  const { serving, tasks, speaker } = parts;
  const { clusterId, taskId, kind, epoch, spec, nodeIncarnation } = data;
  const effect = { name: kind, clusterId, taskId, epoch, cause };
  if (data.nodeId !== speaker.nodeId) {
    if (kind !== 'serve') carryOut({ ...effect, name: 'end' }, () => tasks.end(taskId));
    return;
  }
  if (kind !== 'serve') return carryOut(effect, (told) => carryTask(parts, data, told));
  if (!isServeSpec(spec)) return;
  const order = { taskId, systemId: spec.systemId, epoch, spec, nodeIncarnation };
  carryOut(effect, (told) => serving.order(order, told));
}

/** Of a node that was thought to be down, or is told to be impaired, nobody asks that it stop: here it hears so. */
function cancelServing({ serving, speaker: { clusterId } }: OrdersParts, taskId: string, cause: Cause): void {
  const systemId = systemOfServeTask(taskId);
  if (systemId) carryOut({ name: 'stop', clusterId, taskId, cause }, () => serving.cancel({ taskId, systemId }));
}

function carryTask({ tasks, facts }: OrdersParts, data: Order, cause: Cause): Promise<void> {
  const { taskId, kind, epoch, at, spec, nodeIncarnation } = data;
  const order = { taskId, epoch, at, nodeIncarnation };
  if (kind === 'snapshot' && 'pointId' in spec) return tasks.order({ ...order, kind, spec }, cause);
  if (kind === 'scrub' && 'backup' in spec) return tasks.order({ ...order, kind, spec }, cause);
  const message = `this is no ${kind}`;
  return facts.tell(
    { type: 'TaskDeclined', data: { taskId, epoch, code: 'UNKNOWN_KIND', message, highestEpoch: null } },
    cause,
  );
}

/** A snapshot's is named; a scrub's is its subject. */
function backupOf({ systemId, pointId, subject }: EventOf<typeof TaskCancelled>['data']): BackupName | undefined {
  if (systemId && pointId) return { systemId, pointId };
  const [, ofSystem, point] = /^backup\/([^/]+)\/([^/]+)$/.exec(subject) ?? [];
  return ofSystem && point ? { systemId: ofSystem, pointId: point } : undefined;
}

interface Effect {
  name: string;
  clusterId: string;
  taskId?: string;
  epoch?: number;
  backup?: string;
  cause: Cause;
}

/** In a trace of its own, linked to the order's. Nobody waits for it: the next order is heard meanwhile. */
function carryOut({ name, clusterId, taskId, epoch, backup, cause }: Effect, work: (cause: Cause) => Promise<void>) {
  const subjects = [
    `cluster/${clusterId}`,
    ...(taskId ? [`task/${taskId}`] : []),
    ...(backup ? [`backup/${backup}`] : []),
  ];
  const story = storyAttributes({ ...cause, subjects });
  const attributes = { ...story, ...(epoch && { 'holdfast.epoch': epoch }), 'holdfast.outcome': 'done' };
  const done = inSpan(`effect ${name}`, { root: true, links: [cause.traceparent], attributes }, () => {
    const traceparent = currentTraceparent();
    return work({ ...cause, ...(traceparent && { traceparent }) });
  });
  done.catch((error: unknown) => lines.error({ err: error, taskId, backup, epoch }, `effect ${name} failed`));
}

const lines = logger('agent');
