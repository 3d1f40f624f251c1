import type { NodeId, PointId, SystemId } from '@holdfast/contracts';
import { mapped, type PersistentMap, withoutKey, withValue } from './persistent-map';
import { isBackground, type Task } from './task';

/** Who was away for so long is home no more: home is where each task lives by then. */
export const HOME_LOST_MS = 24 * 3_600_000;

/**
 * Where a subject's work is done if nothing speaks against it: by whoever did it first. Here of subjects whose task has
 * ended, so that the next one finds its way back. By kind and subject.
 */
export type Homes = PersistentMap<NodeId>;

interface Housed {
  readonly tasks: PersistentMap<Task>;
  readonly homes: Homes;
}

/** A node is home to nothing any more; of each task whoever has it now is. */
export function withoutHome({ tasks, homes }: Housed, nodeId: NodeId): Housed {
  return {
    tasks: mapped(tasks, (task) => (task.home === nodeId ? { ...task, home: task.nodeId } : task)),
    homes: mapped(homes, (home) => (home === nodeId ? undefined : home)),
  };
}

export const subjectKey = ({ kind, subject }: Pick<Task, 'kind' | 'subject'>) => `${kind} ${subject}`;

export function homesWith(homes: Homes, task: Task): Homes {
  return isBackground(task) && task.home ? withValue(homes, subjectKey(task), task.home) : homes;
}

/** A backup, or a system with all that was made of it, is no more. */
export function homesWithout(homes: Homes, { systemId, pointId }: { systemId: SystemId; pointId?: PointId }): Homes {
  return withoutKey(homes, pointId ? `scrub backup/${systemId}/${pointId}` : `snapshot system/${systemId}`);
}
