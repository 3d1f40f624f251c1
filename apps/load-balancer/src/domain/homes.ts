import type { Instant, NodeId, PointId, SystemId } from '@holdfast/contracts';
import { isBackground, type Task } from './task';

/** Where a subject's work is done if nothing speaks against it: whoever did it first, since then. */
export interface Home {
  readonly nodeId: NodeId;
  readonly since: Instant;
}

/** Of subjects whose task has ended: the next one finds its way back. By kind and subject. */
export type Homes = Readonly<Record<string, Home>>;

export const homeKey = ({ kind, subject }: Pick<Task, 'kind' | 'subject'>) => `${kind} ${subject}`;

export function homesWith(homes: Homes, task: Task): Homes {
  return isBackground(task) && task.home ? { ...homes, [homeKey(task)]: task.home } : homes;
}

/** A backup, or a system with all that was made of it, is no more. */
export function homesWithout(homes: Homes, { systemId, pointId }: { systemId: SystemId; pointId?: PointId }): Homes {
  const gone = pointId ? `scrub backup/${systemId}/${pointId}` : `snapshot system/${systemId}`;
  const { [gone]: _home, ...others } = homes;
  return others;
}
