import { declineCode } from '@holdfast/contracts';
import { Superseded } from './errors';
import type { Cause, Facts } from './facts';
import type { Journal } from './journal';
import { judgeOrder } from './order.rules';
import { Pace } from './pace';
import { Progress, type TaskSample } from './progress';
import { beginScrub } from './scrub';
import { beginSnapshot } from './snapshot';
import type { NodeEngine } from './take-up';
import { faultOf } from './task-fault';
import { callOffOthers, inTurn, newTurns, type Turns } from './turns';
import type { Begun, TaskOrder, Work } from './work';

interface TasksParts {
  node: NodeEngine;
  incarnation: string;
  journal: Journal;
  facts: Facts;
  observed(sample: TaskSample): void;
  log(message: string, details?: object): void;
}

export type HeardTask = TaskOrder & { nodeIncarnation: string | null };

/** What an earlier attempt sealed is read again so many times faster than a task reads otherwise. */
const CHECK_FASTER = 8;

/** One task on this node: what is being carried, and the turn of whoever comes next. */
interface Slot extends Turns {
  running?: { epoch: number; progress: Progress } | undefined;
}

/**
 * All background work that this node carries, in this very process: at 8 MiB/s a hash takes a millisecond or two for
 * each MiB, and nothing waits for more than one. A task's orders are carried out one after the other, the newest wins.
 */
export class Tasks {
  private readonly slots = new Map<string, Slot>();

  constructor(private readonly parts: TasksParts) {}

  /** Until the attempt has ended, however it ends. */
  async order({ nodeIncarnation, ...order }: HeardTask, cause?: Cause): Promise<void> {
    const { journal, incarnation } = this.parts;
    const { taskId, epoch } = order;
    const slot = this.slotOf(taskId);
    const highestEpoch = journal.state.epochs.get(taskId) ?? 0;
    const known = { incarnation, highestEpoch, servedEpoch: slot.running?.epoch };
    const verdict = judgeOrder({ epoch, nodeIncarnation }, known);
    if (verdict === 'stale') return this.declineStale(order, highestEpoch, cause);
    if (verdict === 'repeat') return this.tellTaken(order, 0, cause);
    if (verdict === 'count') return journal.append({ k: 'epoch', route: taskId, epoch });
    const signal = callOffOthers(slot);
    const noted = journal.append({ k: 'carry', taskId, epoch });
    noted.catch(() => undefined); // its failure is met in turn, and told there
    return inTurn(slot, () => this.carry(slot, order, { noted, signal, cause }));
  }

  /** The piece in hand is dropped: it would take longer to seal than to read again. */
  async recall({ taskId, epoch }: { taskId: string; epoch: number }, cause?: Cause): Promise<void> {
    const { journal, facts } = this.parts;
    if (epoch < (journal.state.epochs.get(taskId) ?? 0)) return;
    const slot = this.slotOf(taskId);
    const progress = slot.running?.progress;
    callOffOthers(slot);
    await inTurn(slot, () => {
      const data = { taskId, epoch, token: progress?.token ?? null, doneBytes: progress?.doneBytes ?? 0 };
      return facts.tell({ type: 'TaskStopped', data }, cause, { k: 'stop', route: taskId, epoch });
    });
  }

  /** It has another owner, or none any more. Nobody waits for a word of ours. */
  async end(taskId: string): Promise<void> {
    const { journal } = this.parts;
    const slot = this.slots.get(taskId);
    const newer = slot && callOffOthers(slot);
    const epoch = journal.state.carrying.get(taskId);
    if (epoch !== undefined) await journal.append({ k: 'stop', route: taskId, epoch });
    await slot?.turn;
    if (!newer?.aborted) this.slots.delete(taskId);
  }

  /** Whether this node was ever told of the task, and not of its end. An order in hand may not be in the journal yet. */
  knows(taskId: string): boolean {
    return this.slots.has(taskId) || this.parts.journal.state.epochs.has(taskId);
  }

  /**
   * It was completed or cancelled, and has ended here: nothing of it is remembered, or the journal would name every task
   * that ever was. An order for it that still came, very late or from a store that went back, would be taken as if it
   * were the first. That does no harm: its point is gone, or it writes into the folder of an attempt that nothing reads,
   * and were that the result's own, it would seal the very bytes that lie there.
   */
  forget(taskId: string): Promise<void> {
    return this.parts.journal.append({ k: 'over', taskId });
  }

  /** The agent goes, and its readers with it. What is sealed stays. */
  async leave(): Promise<void> {
    for (const slot of this.slots.values()) callOffOthers(slot);
    await Promise.all([...this.slots.values()].map(({ turn }) => turn));
  }

  private async carry(slot: Slot, order: TaskOrder, { noted, signal, cause }: Asked): Promise<void> {
    const begunAt = performance.now();
    const { epoch } = order;
    try {
      signal.throwIfAborted();
      await noted;
      const work = this.workOf(slot, order, { signal, cause });
      const begun = await begin(order, work);
      try {
        signal.throwIfAborted();
        const progress = this.progressOf(order, begun, cause);
        slot.running = { epoch, progress };
        await this.tellTaken(order, performance.now() - begunAt, cause);
        await this.run(order, { begun, progress, begunAt, cause });
      } finally {
        await begun.close();
      }
    } catch (error) {
      if (signal.aborted || error instanceof Superseded) return;
      await this.tellFailed(slot, order, { error, cause });
    } finally {
      slot.running = undefined;
    }
  }

  private async run(order: TaskOrder, { begun, progress, begunAt, cause }: Running): Promise<void> {
    const { taskId, epoch } = order;
    progress.start();
    try {
      const result = await begun.run();
      const durationMs = performance.now() - begunAt;
      const data = { taskId, epoch, result, doneBytes: progress.doneBytes, durationMs };
      await this.parts.facts.tell({ type: 'TaskFinished', data }, cause, { k: 'stop', route: taskId, epoch });
    } finally {
      progress.stop();
    }
  }

  private workOf(slot: Slot, { taskId, epoch, spec }: TaskOrder, { signal, cause }: Omit<Asked, 'noted'>): Work {
    const { node, journal, facts, log } = this.parts;
    const paced = (pace: Pace) => (bytes: number) =>
      pace.take(bytes, signal, (taken) => slot.running?.progress.read(taken));
    return {
      node,
      signal,
      blocked: (waitsFor) => {
        const told = facts.tell({ type: 'TaskBlocked', data: { taskId, epoch, waitsFor } }, cause);
        told.catch((error: unknown) => log('a wait could not be told', { taskId, error: String(error) }));
      },
      turn: paced(new Pace(spec.bytesPerSec)),
      check: paced(new Pace(spec.bytesPerSec * CHECK_FASTER)),
      mustBeOurs: () => {
        signal.throwIfAborted();
        const highest = journal.state.epochs.get(taskId);
        if (highest !== epoch) throw new Superseded(`epoch ${highest} of ${taskId} is known here`);
      },
      advance: (bytes, token) => slot.running?.progress.advance(bytes, token),
    };
  }

  private progressOf({ taskId, epoch }: TaskOrder, begun: Begun, cause?: Cause): Progress {
    const { facts, observed, log } = this.parts;
    return new Progress(begun, {
      observed: (sample) => observed({ taskId, epoch, ...sample }),
      reached: (checkpoint) => {
        const told = facts.tell({ type: 'TaskCheckpointReached', data: { taskId, epoch, ...checkpoint } }, cause);
        told.catch((error: unknown) => log('a checkpoint could not be told', { taskId, error: String(error) }));
      },
    });
  }

  private tellTaken({ taskId, epoch }: TaskOrder, tookMs: number, cause?: Cause): Promise<void> {
    return this.parts.facts.tell({ type: 'TaskTaken', data: { taskId, epoch, tookMs } }, cause);
  }

  private async declineStale({ taskId, epoch }: TaskOrder, highestEpoch: number, cause?: Cause): Promise<void> {
    const { facts } = this.parts;
    await facts.tell({ type: 'EpochAheadFound', data: { route: taskId, highestEpoch, by: 'journal' } }, cause);
    await facts.tell({ type: 'TaskDeclined', data: { taskId, epoch, code: 'STALE_EPOCH', highestEpoch } }, cause);
  }

  /** What could not even begin on this node is declined, so that another is asked at once; all else is a fault of the task's. */
  private async tellFailed(
    slot: Slot,
    order: TaskOrder,
    { error, cause }: { error: unknown; cause?: Cause | undefined },
  ): Promise<void> {
    const { journal, facts, log } = this.parts;
    const { taskId, epoch } = order;
    const { errorClass, code, message } = faultOf(error);
    log('a task failed', { taskId, epoch, errorClass, code, error: message });
    const stop = { k: 'stop' as const, route: taskId, epoch };
    try {
      const refused = declineCode.safeParse(code);
      if (!slot.running && errorClass === 'node' && refused.success) {
        const highestEpoch = journal.state.epochs.get(taskId) ?? null;
        const data = { taskId, epoch, code: refused.data, message, highestEpoch };
        return await facts.tell({ type: 'TaskDeclined', data }, cause, stop);
      }
      if (!slot.running) await this.tellTaken(order, 0, cause);
      const token = slot.running?.progress.token ?? null;
      await facts.tell({ type: 'TaskFaulted', data: { taskId, epoch, errorClass, code, token } }, cause, stop);
    } catch (untold) {
      if (code !== 'JOURNAL_FAILED') throw untold;
      log('a fault could not be told: the journal takes nothing', { taskId, epoch });
    }
  }

  private slotOf(taskId: string): Slot {
    const slot: Slot = this.slots.get(taskId) ?? newTurns();
    this.slots.set(taskId, slot);
    return slot;
  }
}

interface Asked {
  noted: Promise<void>;
  signal: AbortSignal;
  cause?: Cause | undefined;
}

interface Running {
  begun: Begun;
  progress: Progress;
  begunAt: number;
  cause?: Cause | undefined;
}

function begin(order: TaskOrder, work: Work): Promise<Begun> {
  switch (order.kind) {
    case 'snapshot':
      return beginSnapshot(order, work);
    case 'scrub':
      return beginScrub(order, work);
  }
}
