import type { Instant, NodeId, ServeSpec, SystemId, TaskId } from '@holdfast/contracts';
import { serveTaskOf } from '@holdfast/contracts';
import { assertNever, type Decider } from '@holdfast/kernel';
import { type RequestTask, requestTask } from './admission';
import { type BackupCommand, backupDeleted, checkDeletion, deleteBackup } from './backup-deletion';
import { hold, resume } from './brakes';
import { type NoteCheckpoints, noteCheckpoints } from './checkpoints';
import { Decision, ofTask } from './decision';
import { drainOn } from './drain-steps';
import { carryOutDrain, type DrainWish, stopDrain } from './drain-wishes';
import { choose } from './orders';
import { settle, settleOpen, settleTask } from './owed';
import { lookUp, valuesOf } from './persistent-map';
import { heardOfPoint, type PointFact } from './points';
import { rebalanceOn } from './rebalance-steps';
import { carryOutRebalance, type RebalanceWish } from './rebalance-wishes';
import { cancelSnapshotOf, end } from './recalls';
import { isRetired } from './node-retirement';
import {
  type Brake,
  type CloseCause,
  type CordonCause,
  emptyTable,
  evolveTable,
  type Known,
  type RoutingTable,
  type TableEvent,
} from './routing-table';
import { checkTask, type Progress } from './silence';
import { type FactCommand, heardFromNode, reofferTasks } from './task-facts';
import { carryOutWish, type TaskWish } from './task-wishes';

/** A system costs its node one place, whatever it does there. */
const SERVE_COST = 1;

export type TableAction =
  /** `lastEpoch`: the highest that was granted under this name; the table counts on from there. */
  | { readonly type: 'AdmitSystem'; readonly spec: ServeSpec; readonly lastEpoch: number }
  | { readonly type: 'RetireTask'; readonly taskId: TaskId }
  | { readonly type: 'RepeatConfirmation'; readonly taskId: TaskId }
  | {
      readonly type: 'OrderRemoval';
      readonly systemId: SystemId;
      readonly lastEpoch: number;
      readonly unanswered: NodeId | null;
    }
  | {
      readonly type: 'OpenNode';
      readonly nodeId: NodeId;
      readonly zone: string;
      readonly budget: number;
      /** Until then nothing comes home to it. */
      readonly holdUntil?: Instant | undefined;
    }
  | { readonly type: 'CordonNode'; readonly nodeId: NodeId; readonly cause: CordonCause }
  | { readonly type: 'WithdrawSuspicion'; readonly nodeId: NodeId }
  | { readonly type: 'CloseNode'; readonly nodeId: NodeId; readonly cause: CloseCause }
  | { readonly type: 'ReofferTasks'; readonly nodeId: NodeId }
  | { readonly type: 'HoldPlacement'; readonly brake: Brake }
  | { readonly type: 'ResumePlacement'; readonly brake: Brake }
  /** Time has passed: what is still owed is due. */
  | { readonly type: 'Settle' }
  /** Time has passed since the task's last event. */
  | { readonly type: 'CheckTask'; readonly taskId: TaskId; readonly progress?: Progress | undefined }
  | RequestTask
  | TaskWish
  | DrainWish
  | RebalanceWish
  | BackupCommand
  | NoteCheckpoints
  | PointFact
  | FactCommand;

export type TableCommand = TableAction & Known;
type Of<Type extends TableAction['type']> = Extract<TableAction, { type: Type }>;

function admit(decision: Decision, { spec, lastEpoch }: Of<'AdmitSystem'>): void {
  const taskId = serveTaskOf(spec.systemId);
  if (lookUp(decision.table.tasks, taskId)) return;
  const about = ofTask({ taskId, kind: 'serve', subject: `system/${spec.systemId}` }, decision.known);
  decision.add({ type: 'TaskAdmitted', data: { ...about, spec, cost: SERVE_COST, lastEpoch } });
  settleTask(decision, decision.task(taskId));
}

function retire(decision: Decision, { taskId }: Of<'RetireTask'>): void {
  const task = lookUp(decision.table.tasks, taskId);
  if (!task || task.recall?.cause === 'retirement') return;
  cancelSnapshotOf(decision, task, 'retirement');
  end(decision, task, 'retirement');
}

/** What was asked for is served already: said once more, so that the new request ends as the first did. */
function repeatConfirmation(decision: Decision, { taskId }: Of<'RepeatConfirmation'>): void {
  const task = lookUp(decision.table.tasks, taskId);
  if (task?.phase !== 'running' || task.nodeId === null) return;
  const { nodeId, epoch } = task;
  const data = { ...ofTask(task, decision.known), nodeId, epoch, tookMs: 0, created: false };
  decision.add({ type: 'TaskStartConfirmed', data });
}

function orderRemoval(decision: Decision, { systemId, lastEpoch, unanswered }: Of<'OrderRemoval'>): void {
  if (decision.held) return;
  const { clusterId, at } = decision.known;
  const taskId = serveTaskOf(systemId);
  // A removal is placed as its system would be: on another node than the silent one, if there is another.
  const nowhere = { nodeId: null, lastOwnerId: null, home: null, recall: null, avoided: {} };
  const removal = { taskId, kind: 'serve', subject: `system/${systemId}`, cost: 0, ...nowhere } as const;
  const other = choose(decision, removal, unanswered ? [unanswered] : []).nodeId ?? choose(decision, removal).nodeId;
  if (!other) return;
  const data = { clusterId, systemId, taskId, nodeId: other, epoch: lastEpoch + 1, at };
  decision.add({ type: 'SystemRemovalOrdered', data });
}

function openNode(decision: Decision, { nodeId, zone, budget, holdUntil }: Of<'OpenNode'>): void {
  const { clusterId, at } = decision.known;
  if (decision.table.nodes[nodeId]?.state === 'open') return;
  const held = holdUntil ? { holdUntil } : {};
  decision.add({ type: 'NodeOpened', data: { clusterId, nodeId, at, zone, budget, ...held } });
  settle(decision);
}

function withdrawSuspicion(decision: Decision, { nodeId }: Of<'WithdrawSuspicion'>): void {
  const node = decision.table.nodes[nodeId];
  if (node?.state !== 'cordoned' || node.cause !== 'suspect') return;
  const { zone, budget, holdUntil } = node;
  openNode(decision, { type: 'OpenNode', nodeId, zone, budget, holdUntil: holdUntil ?? undefined });
}

/**
 * What is known of a cordoned node only gets worse until it is opened: a suspect one may prove to be isolated. Of the
 * gravest two neither follows the other: an isolated node is heard of its faults once it has recovered, and health finds
 * nobody isolated who told of a fault.
 */
const SEVERITY: Record<CordonCause, number> = { suspect: 1, operator: 1, partitioned: 2, isolated: 3, impaired: 3 };

function cordonNode(decision: Decision, { nodeId, cause }: Of<'CordonNode'>): void {
  const node = decision.table.nodes[nodeId];
  const before = node?.state === 'cordoned' ? SEVERITY[node.cause as CordonCause] : 0;
  if (!node || node.state === 'closed' || SEVERITY[cause] <= before) return;
  const { clusterId, at } = decision.known;
  decision.add({ type: 'NodeCordoned', data: { clusterId, nodeId, at, cause } });
  // Clients are served on; what may be repeated is not left to it.
  if (cause === 'impaired') settle(decision);
}

function closeNode(decision: Decision, { nodeId, cause }: Of<'CloseNode'>): void {
  const node = decision.table.nodes[nodeId];
  // One that is down may still be retired: then it comes back no more.
  if (!node || (node.state === 'closed' && (cause !== 'retired' || isRetired(node)))) return;
  const { clusterId, at } = decision.known;
  const orphans = valuesOf(decision.table.tasks).filter((task) => task.nodeId === nodeId).length;
  // Lost in the middle of a drain it is still not to be worked on when it is back; what it carries moves now, at once.
  if (cause === 'retired') stopDrain(decision, nodeId, 'nodeRetired');
  decision.add({ type: 'NodeClosed', data: { clusterId, nodeId, at, cause, orphans } });
  settle(decision);
}

function carryOut(decision: Decision, command: TableAction): void {
  switch (command.type) {
    case 'AdmitSystem':
      return admit(decision, command);
    case 'RetireTask':
      return retire(decision, command);
    case 'RepeatConfirmation':
      return repeatConfirmation(decision, command);
    case 'OrderRemoval':
      return orderRemoval(decision, command);
    case 'OpenNode':
      return openNode(decision, command);
    case 'WithdrawSuspicion':
      return withdrawSuspicion(decision, command);
    case 'CordonNode':
      return cordonNode(decision, command);
    case 'CloseNode':
      return closeNode(decision, command);
    case 'ReofferTasks':
      return reofferTasks(decision, command.nodeId);
    case 'HoldPlacement':
      return hold(decision, command.brake);
    case 'ResumePlacement':
      return resume(decision, command.brake);
    case 'Settle':
      return settle(decision);
    case 'CheckTask':
      return checkTask(decision, command.taskId, command.progress);
    case 'RequestTask':
      return requestTask(decision, command);
    case 'MoveTask':
    case 'CancelTask':
    case 'RetryTask':
      return carryOutWish(decision, command);
    case 'DrainNode':
    case 'StopDrain':
    case 'DrainForMaintenance':
    case 'EndMaintenance':
      return carryOutDrain(decision, command);
    case 'LevelOut':
    case 'LevelByItself':
      return carryOutRebalance(decision, command);
    case 'DeleteBackup':
      return deleteBackup(decision, command);
    case 'CheckDeletion':
      return checkDeletion(decision, command);
    case 'NoteBackupDeleted':
      return backupDeleted(decision, command);
    case 'NoteCheckpoints':
      return noteCheckpoints(decision, command);
    case 'NotePointFrozen':
    case 'NotePointRefused':
      heardOfPoint(decision, command);
      return settleOpen(decision, command.taskId);
    case 'NoteTaken':
    case 'NoteBlocked':
    case 'NoteDeclined':
    case 'NoteFaulted':
    case 'NoteStopped':
    case 'NoteFinished':
      return heardFromNode(decision, command);
    case 'NoteEpochAhead':
      // The store went back: whatever it would grant now, somebody has been granted before.
      return command.highestEpoch > command.grantedEpoch ? hold(decision, 'storeRegressed') : undefined;
    default:
      return assertNever(command);
  }
}

/** What each node of one cluster is told to carry. */
export const routingTableDecider: Decider<TableCommand, RoutingTable, TableEvent> = {
  initial: emptyTable,
  decide(command, state) {
    const decision = new Decision(state, command);
    carryOut(decision, command);
    drainOn(decision);
    rebalanceOn(decision);
    return decision.events;
  },
  evolve: evolveTable,
};
