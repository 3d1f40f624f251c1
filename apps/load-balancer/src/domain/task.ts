import type {
  EventsOf,
  Instant,
  NodeId,
  PointConfirmed,
  PointOrdered,
  Resume,
  ScrubSpec,
  ServeSpec,
  SnapshotSpec,
  SystemId,
  TaskAdmitted,
  TaskAssigned,
  TaskDeferred,
  TaskHeld,
  TaskId,
  TaskMoved,
  TaskParked,
  TaskRecalled,
  TaskReopened,
  TaskRetryScheduled,
  TaskStalled,
  TaskStartConfirmed,
} from '@holdfast/contracts';
import { invariant } from '@holdfast/kernel';
import type { DataOf } from './data-of';
import { later } from './time';

/** What changes one open task. Those that begin or end it change the table. */
export type TaskEvent = EventsOf<
  [
    typeof TaskAssigned,
    typeof TaskMoved,
    typeof TaskRecalled,
    typeof TaskHeld,
    typeof TaskStartConfirmed,
    typeof TaskDeferred,
    typeof TaskRetryScheduled,
    typeof TaskStalled,
    typeof TaskParked,
    typeof TaskReopened,
    typeof PointOrdered,
    typeof PointConfirmed,
  ]
>;

export type MoveCause = DataOf<typeof TaskMoved>['cause'];
export type AssignCause = DataOf<typeof TaskAssigned>['cause'];
export type RecallCause = DataOf<typeof TaskRecalled>['cause'];
export type WaitsFor = DataOf<typeof TaskHeld>['waitsFor'];

/** A node that does not carry a task it was given is not asked again for so long, unless nobody else is left. */
const AVOIDED_MS = 30_000;

interface OpenTask {
  readonly taskId: TaskId;
  readonly systemId: SystemId;
  /** What it works on: `system/<id>`, `backup/<systemId>/<pointId>`. */
  readonly subject: string;
  readonly cost: number;
  /** Highest epoch ordered, and who has it. Facts of other nodes or lower epochs change nothing. */
  readonly epoch: number;
  /** null: nobody works on it. A system that is to be tried again stays its last node's. */
  readonly nodeId: NodeId | null;
  /** Who had it last, if nobody has it now. */
  readonly lastOwnerId: NodeId | null;
  readonly phase: 'pending' | 'freezing' | 'assigned' | 'held' | 'running' | 'stopping' | 'retrying' | 'parked';
  /** When the phase began. */
  readonly since: Instant;
  readonly home: NodeId | null;
  readonly avoided: Readonly<Record<string, Instant>>;
  /** The node was only busy: there it goes on first of all. */
  readonly prefersId: NodeId | null;
  readonly attempts: number;
  readonly notBefore: Instant | null;
  /** Why no node could take it when it was last tried. */
  readonly deferred: Readonly<Record<string, number>> | null;
  /** While it is stopping: why, and where it shall go on. */
  readonly recall: { readonly cause: RecallCause; readonly toNodeId: NodeId | null } | null;
}

export interface ServeTask extends OpenTask {
  readonly kind: 'serve';
  readonly spec: ServeSpec;
  readonly created: boolean;
}

/** What of a task's attempt is sealed on the medium, as far as it was told. */
export interface Checkpoint {
  readonly epoch: number;
  readonly token: string | null;
  readonly doneBytes: number;
}

interface EndingTask extends OpenTask {
  readonly checkpoint: Checkpoint | null;
  /** It was told that it does not come forward. */
  readonly stalled: boolean;
}

export interface SnapshotTask extends EndingTask {
  readonly kind: 'snapshot';
  readonly spec: SnapshotSpec;
  /** Who was told to freeze the point, at its serving epoch. */
  readonly freeze: { readonly nodeId: NodeId; readonly epoch: number } | null;
  readonly frozen: boolean;
}

interface ScrubTask extends EndingTask {
  readonly kind: 'scrub';
  readonly spec: ScrubSpec;
}

/** It ends, and is fenced by its attempt; `serve` never ends, and is fenced by the medium. */
export type BackgroundTask = SnapshotTask | ScrubTask;
export type Task = ServeTask | BackgroundTask;

export const isServe = (task: Task): task is ServeTask => task.kind === 'serve';
export const isBackground = (task: Task): task is BackgroundTask => task.kind !== 'serve';

type Born = Pick<Task, 'taskId' | 'subject' | 'cost' | 'epoch' | 'since'>;

function nobodys(born: Born, systemId: SystemId): OpenTask {
  const placed = { nodeId: null, lastOwnerId: null, phase: 'pending', home: null, prefersId: null } as const;
  return { ...born, ...placed, systemId, avoided: {}, attempts: 0, notBefore: null, deferred: null, recall: null };
}

export function admitted({ type, data }: EventsOf<[typeof TaskAdmitted]>): Task {
  const { taskId, subject, spec, cost, lastEpoch, at } = data;
  const born = { taskId, subject, cost, epoch: lastEpoch ?? 0, since: at };
  if ('address' in spec) return { ...nobodys(born, spec.systemId), kind: 'serve', spec, created: false };
  const unbegun = { ...nobodys(born, spec.systemId), checkpoint: null, stalled: false };
  if ('backup' in spec) return { ...unbegun, kind: 'scrub', spec };
  invariant(data.kind === 'snapshot', `${type} ${taskId}: no ${data.kind} has such a spec`);
  return { ...unbegun, kind: 'snapshot', spec, freeze: null, frozen: false };
}

export function taskAfter(task: Task, event: TaskEvent): Task {
  const { type, data } = event;
  const { at } = data;
  switch (type) {
    case 'TaskAssigned':
    case 'TaskMoved':
      return ordered(task, event);
    case 'TaskHeld':
      return { ...task, phase: 'held', since: at };
    case 'TaskStartConfirmed':
      return started(task, at);
    case 'TaskRecalled':
      return { ...task, phase: 'stopping', since: at, recall: { cause: data.cause, toNodeId: data.toNodeId ?? null } };
    case 'TaskDeferred':
      return { ...task, deferred: data.blockedBy, ...(task.nodeId === null ? { phase: 'pending' as const } : {}) };
    case 'TaskRetryScheduled':
      return retrying(task, data);
    case 'TaskStalled':
      return isServe(task) ? task : { ...task, stalled: true };
    case 'TaskParked':
      return { ...setDown(task), phase: 'parked', since: at, attempts: data.attempts, notBefore: null };
    case 'TaskReopened':
      return { ...task, phase: 'pending', since: at, attempts: 0, avoided: {}, prefersId: null, deferred: null };
    case 'PointOrdered': {
      const { nodeId, epoch } = data;
      return task.kind === 'snapshot' ? { ...task, phase: 'freezing', since: at, freeze: { nodeId, epoch } } : task;
    }
    case 'PointConfirmed':
      return task.kind === 'snapshot'
        ? { ...task, phase: 'pending', since: at, freeze: null, frozen: true, deferred: null }
        : task;
  }
}

function ordered(task: Task, { type, data }: Extract<TaskEvent, { type: 'TaskAssigned' | 'TaskMoved' }>): Task {
  const { nodeId, epoch, at } = data;
  const leaves = type === 'TaskMoved' && data.cause !== 'nodeDown';
  return {
    ...task,
    ...{ nodeId, epoch, lastOwnerId: null, prefersId: null, phase: 'assigned', since: at },
    ...{ home: task.home ?? nodeId, notBefore: null, deferred: null, recall: null },
    ...(leaves ? { avoided: avoiding(task, data.fromNodeId, at) } : {}),
    ...(isBackground(task) ? { checkpoint: resumedFrom(task, data.resume), stalled: false } : {}),
    // The agent ended under it: an attempt, whoever was to blame.
    attempts: task.attempts + (isBackground(task) && task.phase === 'running' && data.cause === 'nodeStarted' ? 1 : 0),
  };
}

/** What its last node told when it stopped is told with what follows the stop alone. */
function resumedFrom({ checkpoint }: BackgroundTask, resume: Resume | undefined): Checkpoint | null {
  return resume ? { epoch: resume.fromEpoch, token: resume.token, doneBytes: resume.doneBytes } : checkpoint;
}

/** Background work is taken before it can fail: that it was taken says nothing about its next failure. */
function started(task: Task, at: Instant): Task {
  const running = { phase: 'running', since: at, deferred: null } as const;
  return isServe(task)
    ? { ...task, ...running, created: true, avoided: {}, attempts: 0 }
    : { ...task, ...running, avoided: {} };
}

function retrying(task: Task, { attempt, notBefore, errorClass, resume, at }: DataOf<typeof TaskRetryScheduled>): Task {
  const waits = { phase: 'retrying', since: at, attempts: attempt, notBefore, recall: null } as const;
  const { nodeId } = task;
  if (isServe(task)) return { ...task, ...waits, avoided: nodeId ? avoiding(task, nodeId, at) : task.avoided };
  const busy = errorClass === 'busy';
  return {
    ...setDown({ ...task, checkpoint: resumedFrom(task, resume) }),
    ...waits,
    prefersId: busy ? nodeId : null,
    avoided: nodeId && !busy ? avoiding(task, nodeId, notBefore) : task.avoided,
  };
}

/** Nobody works on it any more. */
function setDown(task: Task): Task {
  const nobodysNow = { ...task, nodeId: null, lastOwnerId: task.nodeId ?? task.lastOwnerId, recall: null };
  return nobodysNow.kind === 'snapshot' ? { ...nobodysNow, freeze: null } : nobodysNow;
}

/**
 * How far it is by now. Whoever came forward may fail as often again; not so an attempt that only reads again what those
 * before it sealed, or one that always fails at the same place would be tried for ever.
 */
export function checkpointed(task: Task, { epoch, token, doneBytes }: Checkpoint): Task {
  if (isServe(task) || task.epoch !== epoch) return task;
  const came = doneBytes > (task.checkpoint?.doneBytes ?? 0);
  if (!came) return { ...task, stalled: false };
  return { ...task, checkpoint: { epoch, token, doneBytes }, attempts: 0, stalled: false };
}

function avoiding(task: Task, nodeId: NodeId, from: Instant): Task['avoided'] {
  return { ...task.avoided, [nodeId]: later(from, AVOIDED_MS) };
}
