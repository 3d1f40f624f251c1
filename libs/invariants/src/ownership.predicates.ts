import { serveTaskOf, type SystemId } from '@holdfast/contracts';
import { subjectOfTask, shownIn } from './agents-state';
import { orderUnder } from './brakes';
import { judged, type LogPredicate } from './predicate';
import type { TableTask } from './table-state';

export const O1: LogPredicate = {
  id: 'O1',
  text: 'what an agent does to one thing, it does at epochs that never fall',
  notJudged: 'effects that an agent’s journal holds and it did not tell',
  see(event, { agents }) {
    const shown = shownIn(event);
    if (shown?.as !== 'acted') return undefined;
    const before = agents.highestOf(event.stream, shown.taskId);
    return judged(
      subjectOfTask(shown.taskId),
      shown.epoch < before && `${event.type} at epoch ${shown.epoch} after ${before}`,
    );
  },
};

export const O2: LogPredicate = {
  id: 'O2',
  text: 'an epoch of a thing has one owner',
  see(event, { systems, tables }) {
    if (event.type === 'SystemServeGranted' || event.type === 'SystemRemovalGranted') {
      const { systemId, nodeId, epoch } = event.data;
      return judged(`system/${systemId}`, againstOwner({ nodeId, epoch }, systems.highest.get(systemId)));
    }
    if (event.type !== 'TaskAssigned' && event.type !== 'TaskMoved') return undefined;
    const { clusterId, taskId, nodeId, epoch } = event.data;
    const before = tables.get(clusterId)?.tasks.get(taskId);
    return judged(subjectOfTask(taskId), againstOwner({ nodeId, epoch }, before));
  },
};

interface Owned {
  readonly nodeId: string | null;
  readonly epoch: number;
}

function againstOwner({ nodeId, epoch }: Owned, before: Owned | undefined): string | null {
  if (before === undefined || epoch > before.epoch) return null;
  if (epoch < before.epoch) return `epoch ${epoch} is given to ${nodeId} after ${before.epoch}`;
  if (before.nodeId === null || before.nodeId === nodeId) return null;
  return `epoch ${epoch} is ${before.nodeId}'s and ${nodeId}'s`;
}

export const O4: LogPredicate = {
  id: 'O4',
  text: 'whoever takes a system was granted it at that epoch',
  whole: true,
  notJudged: 'lock and claim on the medium',
  see: (event) =>
    event.type === 'TaskTaken' && event.data.exports ? judged(subjectOfTask(event.data.taskId)) : undefined,
  end: (world) =>
    [...world.systems.ungranted.values()]
      .filter(({ at }) => world.isSettled(at))
      .map(({ subject, position }) => ({ ...judged(subject, 'taken without a grant'), position })),
};

export const O5: LogPredicate = {
  id: 'O5',
  text: 'the highest epoch and claim that an agent knows never fall',
  notJudged: 'claims as they lie on the medium',
  see(event, { agents }) {
    const shown = shownIn(event);
    if (shown?.as !== 'known') return undefined;
    const before = agents.highestOf(event.stream, shown.taskId);
    return judged(
      subjectOfTask(shown.taskId),
      shown.epoch < before && `knows epoch ${shown.epoch}, and had known ${before}`,
    );
  },
};

export const O6: LogPredicate = {
  id: 'O6',
  text: 'nothing is deleted that a backup or a running operation refers to',
  notJudged: 'chains: layers are folded by the agent, under its own guard',
  see(event, { tables, systems }) {
    if (event.type === 'SystemDeletionStarted') {
      const { systemId } = event.data;
      const phase = systems.byId.get(systemId)?.phase;
      return judged(`system/${systemId}`, (phase === 'registered' || phase === 'retiring') && `deleted while ${phase}`);
    }
    if (event.type !== 'BackupDeletionOrdered' && event.type !== 'SystemRemovalOrdered') return undefined;
    const { systemId, clusterId } = event.data;
    const tasks = [...(tables.get(clusterId)?.tasks.values() ?? [])];
    const backup = event.type === 'BackupDeletionOrdered' ? `${systemId}/${event.data.pointId}` : null;
    const user = tasks.find(
      backup ? ({ uses }: TableTask) => uses === backup : ({ reads }: TableTask) => reads === systemId,
    );
    return judged(backup ? `backup/${backup}` : `system/${systemId}`, user && `deleted while ${user.taskId} reads it`);
  },
};

export const O7: LogPredicate = {
  id: 'O7',
  text: 'an agent ahead of its store: no grant',
  see: (event, world) => orderUnder('storeRegressed', event, world),
};

export const O8: LogPredicate = {
  id: 'O8',
  text: 'every system has one holder, or somebody who looks for one',
  whole: true,
  notJudged: 'what was told in the last minute of the log: it may still lead to something',
  end: (world) =>
    [...world.systems.byId].flatMap(([systemId, { phase, since, clusterId, grant }]) => {
      if (phase !== 'registered' || !world.isSettled(since)) return [];
      const task = world.tables.get(clusterId)?.tasks.get(serveTaskOf(systemId as SystemId));
      if (!task) return [judged(`system/${systemId}`, 'registered, and no task serves it')];
      const holds = task.nodeId !== null && task.phase !== 'pending' && task.phase !== 'retrying';
      if (!holds || !world.isSettled(task.since)) return [judged(`system/${systemId}`)];
      const agreed = grant?.nodeId === task.nodeId && grant.epoch === task.epoch;
      const told = `ordered of ${task.nodeId} at epoch ${task.epoch}, granted to ${grant?.nodeId} at ${grant?.epoch}`;
      return [judged(`system/${systemId}`, !agreed && told)];
    }),
};
