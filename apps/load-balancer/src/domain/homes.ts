import type { Instant, NodeId, PointId, SystemId } from '@holdfast/contracts';
import { type PersistentMap, withoutKey, withValue } from './persistent-map';
import { isBackground, type Task } from './task';

/** Where a subject's work is done if nothing speaks against it: whoever did it first, since then. */
export interface Home {
  readonly nodeId: NodeId;
  readonly since: Instant;
}

/** Of subjects whose task has ended: the next one finds its way back. By kind and subject. */
export type Homes = PersistentMap<Home>;

export const subjectKey = ({ kind, subject }: Pick<Task, 'kind' | 'subject'>) => `${kind} ${subject}`;

export function homesWith(homes: Homes, task: Task): Homes {
  return isBackground(task) && task.home ? withValue(homes, subjectKey(task), task.home) : homes;
}

/** A backup, or a system with all that was made of it, is no more. */
export function homesWithout(homes: Homes, { systemId, pointId }: { systemId: SystemId; pointId?: PointId }): Homes {
  return withoutKey(homes, pointId ? `scrub backup/${systemId}/${pointId}` : `snapshot system/${systemId}`);
}
