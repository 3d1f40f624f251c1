import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { SERVING_PORT, StorageDaemon } from './engine.driver';
import { EngineError } from './errors';
import type { Cause, Facts } from './facts';
import type { Journal } from './journal';
import type { JournalRecord, ServeOrder } from './journal-records';
import { judgeOrder, mayRestart, type HeardOrder } from './order.rules';
import { refusalOf, type Refusal } from './refusal';
import { removeFiles } from './removal';
import { runFolderOf, Superseded, takeUp, type Attempt, type NodeEngine, type WaitsFor } from './take-up';

export interface ServingParts {
  node: NodeEngine;
  incarnation: string;
  journal: Journal;
  facts: Facts;
  /** Nothing new is taken while nobody watches. */
  watchdogAlive(): boolean;
  log(message: string, details?: object): void;
}

/** One system on this node: what is served, what is being attempted, and the turn of whoever comes next. */
interface Slot {
  held?: { order: ServeOrder; daemon: StorageDaemon } | undefined;
  /** Of the newest order, recall or removal: whatever came before it is called off. */
  newest: AbortController;
  deathsAtMs: number[];
  turn: Promise<unknown>;
}

const WATCHDOG_GRACE_MS = 3_000;
const ENGINE_DOWN_MS = 60_000;

/** All systems that this node serves. Orders for one system are carried out one after the other, the newest wins. */
export class Serving {
  private engineFailedAtMs = -Infinity;
  private readonly slots = new Map<string, Slot>();

  constructor(private readonly parts: ServingParts) {}

  /** The engine failed us within the last minute: told with each heartbeat. */
  get engineDown(): boolean {
    return performance.now() - this.engineFailedAtMs < ENGINE_DOWN_MS;
  }

  held(): { order: ServeOrder; daemon: StorageDaemon }[] {
    return [...this.slots.values()].flatMap(({ held }) => held ?? []);
  }

  /** Row 1 decides whether anything is to be done; the epoch is durable before anything is. */
  async order(heard: HeardOrder, cause?: Cause): Promise<void> {
    const { nodeIncarnation: _, ...order } = heard;
    const slot = this.slotOf(order.systemId);
    const highestEpoch = this.parts.journal.state.epochs.get(order.taskId) ?? 0;
    const servedEpoch = slot.held?.order.epoch;
    const verdict = judgeOrder(heard, { incarnation: this.parts.incarnation, highestEpoch, servedEpoch });
    if (verdict === 'stale') return this.declineStale(order, highestEpoch, cause);
    if (verdict === 'repeat') return this.tellTaken(order, { tookMs: 0 }, cause);
    if (verdict === 'count') return this.parts.journal.append({ k: 'epoch', route: order.taskId, epoch: order.epoch });
    const signal = callOffOthers(slot);
    const noted = this.parts.journal.append({ k: 'order', order });
    noted.catch(() => undefined); // its failure is met in turn, and declined there
    return this.inTurn(slot, () => this.take(slot, order, { noted, signal, cause }));
  }

  /** A planned stop: clients off, images flushed and closed, noted, told. The next epoch opens. */
  async recall({ taskId, systemId, epoch }: Omit<ServeOrder, 'spec'>, cause?: Cause): Promise<void> {
    const slot = this.slotOf(systemId);
    if (epoch < (this.parts.journal.state.epochs.get(taskId) ?? 0)) return;
    callOffOthers(slot);
    await this.inTurn(slot, async () => {
      await this.stopDaemon(slot);
      const stop = { k: 'stop' as const, route: taskId, epoch };
      await this.parts.facts.tell(
        { type: 'TaskStopped', data: { taskId, epoch, token: null, doneBytes: 0 } },
        cause,
        stop,
      );
    });
  }

  /** Retired, or never created: claimed at the removal's epoch, so that nobody opens it any more; then all of it goes. */
  async remove({ taskId, systemId, epoch }: Omit<ServeOrder, 'spec'>, cause?: Cause): Promise<void> {
    const { node, journal, facts } = this.parts;
    const slot = this.slotOf(systemId);
    if (epoch < (journal.state.epochs.get(taskId) ?? 0)) return;
    callOffOthers(slot);
    await this.inTurn(slot, async () => {
      await journal.append({ k: 'epoch', route: taskId, epoch });
      await this.stopDaemon(slot);
      const removed = await removeFiles({ systemId, epoch }, node);
      if (!removed) return this.parts.log('removal refused by a higher claim', { systemId, epoch });
      const stop = { k: 'stop' as const, route: taskId, epoch };
      await facts.tell({ type: 'SystemRemoved', data: { systemId, epoch } }, cause, stop);
    });
  }

  /** At start: this daemon lived on while the agent did not. Its clients notice nothing. */
  adopt(order: ServeOrder, daemon: StorageDaemon): void {
    this.hold(this.slotOf(order.systemId), order, daemon);
  }

  /** At start: ours by claim and journal, but no daemon lives. */
  resume(order: ServeOrder): Promise<void> {
    return this.restart(this.slotOf(order.systemId), order);
  }

  /** The agent goes; its daemons and their clients stay, for its successor to adopt. */
  async leave(): Promise<void> {
    for (const slot of this.slots.values()) {
      callOffOthers(slot);
      const { held } = slot;
      slot.held = undefined;
      held?.daemon.detach();
    }
    await Promise.all([...this.slots.values()].map(({ turn }) => turn));
  }

  private async take(
    slot: Slot,
    order: ServeOrder,
    { noted, signal, cause }: Asked & { noted: Promise<void> },
  ): Promise<void> {
    if (signal.aborted) return;
    // Served again in place while the order was on its way.
    if (slot.held?.order.epoch === order.epoch) return this.tellTaken(order, { tookMs: 0 }, cause);
    const begunAt = performance.now();
    try {
      await noted;
      if (!(await this.watched())) return await this.decline(slot, order, { code: 'WATCHDOG_DEAD', cause });
      await this.stopDaemon(slot); // an older epoch's, of our own
      this.hold(slot, order, await this.attempt(order, { signal, cause }));
      await this.tellTaken(order, { tookMs: performance.now() - begunAt }, cause);
    } catch (error) {
      if (error instanceof Superseded) return;
      await this.decline(slot, order, { ...refusalOf(error), cause });
    }
  }

  private async attempt(order: ServeOrder, { signal, cause }: Asked): Promise<StorageDaemon> {
    const { taskId, epoch } = order;
    const attempt: Attempt = {
      signal,
      blocked: (waitsFor) => void this.tellBlocked(order, waitsFor, cause),
      effect: (name) => this.noteEffect(name, taskId, epoch),
    };
    const daemon = await takeUp(order, this.parts.node, attempt);
    this.engineFailedAtMs = -Infinity;
    return daemon;
  }

  private hold(slot: Slot, order: ServeOrder, daemon: StorageDaemon): void {
    const held = { order, daemon };
    slot.held = held;
    void daemon.gone.then(() => {
      if (slot.held !== held) return; // we stopped it ourselves
      slot.held = undefined;
      this.parts.log('daemon died', { systemId: order.systemId, epoch: order.epoch });
      slot.deathsAtMs.push(performance.now());
      this.restart(slot, order).catch((error: unknown) =>
        this.parts.log('not served again', { systemId: order.systemId, error: String(error) }),
      );
    });
  }

  /** In place, at the claim and epoch that it had. Nothing is told: it was and is served here. */
  private restart(slot: Slot, order: ServeOrder): Promise<void> {
    // Of this moment, not of its turn: an order that comes in between calls it off, and must not wait behind it.
    const { signal } = slot.newest;
    return this.inTurn(slot, () => this.serveAgain(slot, order, signal));
  }

  private async serveAgain(slot: Slot, order: ServeOrder, signal: AbortSignal): Promise<void> {
    const { taskId, epoch } = order;
    const mayServe = () => this.parts.journal.state.serving.get(taskId)?.epoch === epoch && !signal.aborted;
    while (mayServe() && !slot.held) {
      if (!mayRestart(slot.deathsAtMs, performance.now())) return this.fault(order);
      try {
        this.hold(slot, order, await this.attempt(order, { signal }));
      } catch (error) {
        if (error instanceof Superseded) return;
        const { code } = refusalOf(error);
        this.parts.log('not served again', { systemId: order.systemId, epoch, code, error: String(error) });
        if (code === 'STALE_EPOCH' || code === 'SYSTEM_RELEASED') return this.giveUp(order);
        slot.deathsAtMs.push(performance.now());
        await sleep(200);
      }
    }
  }

  /** The claim is another's: nothing here is of use to anybody. */
  private async giveUp(order: ServeOrder): Promise<void> {
    await this.parts.journal.append({ k: 'stop', route: order.taskId, epoch: order.epoch });
    await rm(runFolderOf(order, this.parts.node.runFolder), { recursive: true, force: true });
  }

  private async fault({ taskId, epoch }: ServeOrder): Promise<void> {
    this.engineFailedAtMs = performance.now();
    const stop = { k: 'stop' as const, route: taskId, epoch };
    const data = { taskId, epoch, errorClass: 'node' as const, code: 'ENGINE_DOWN', token: null };
    await this.parts.facts.tell({ type: 'TaskFaulted', data }, undefined, stop);
  }

  private async stopDaemon(slot: Slot): Promise<void> {
    const { held } = slot;
    if (!held) return;
    slot.held = undefined;
    try {
      await held.daemon.stop();
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      this.parts.log('daemon killed, it did not stop', { code: error.code });
      await held.daemon.discard();
    }
    await this.noteEffect('stopped', held.order.taskId, held.order.epoch);
  }

  private async watched(): Promise<boolean> {
    for (const giveUpAt = performance.now() + WATCHDOG_GRACE_MS; performance.now() < giveUpAt; await sleep(50))
      if (this.parts.watchdogAlive()) return true;
    return this.parts.watchdogAlive();
  }

  private async tellTaken(order: ServeOrder, { tookMs }: { tookMs: number }, cause?: Cause): Promise<void> {
    const { taskId, epoch, spec } = order;
    const address = this.parts.node.addressOf(order);
    const exports = spec.volumes.map(({ volumeId }) => ({
      volumeId,
      uri: `nbd://${address}:${SERVING_PORT}/${volumeId}`,
    }));
    await this.parts.facts.tell({ type: 'TaskTaken', data: { taskId, epoch, tookMs, exports } }, cause);
  }

  private async tellBlocked({ taskId, epoch }: ServeOrder, waitsFor: WaitsFor, cause?: Cause): Promise<void> {
    try {
      await this.parts.facts.tell({ type: 'TaskBlocked', data: { taskId, epoch, waitsFor } }, cause);
    } catch (error) {
      this.parts.log('a wait could not be told', { taskId, error: String(error) });
    }
  }

  private async declineStale(order: ServeOrder, highestEpoch: number, cause?: Cause): Promise<void> {
    const { taskId, epoch } = order;
    const { facts } = this.parts;
    await facts.tell({ type: 'EpochAheadFound', data: { route: taskId, highestEpoch, by: 'journal' } }, cause);
    await facts.tell({ type: 'TaskDeclined', data: { taskId, epoch, code: 'STALE_EPOCH', highestEpoch } }, cause);
  }

  private async decline(
    { held }: Slot,
    { taskId, epoch }: ServeOrder,
    { cause, ...refusal }: Refusal & { cause?: Cause | undefined },
  ): Promise<void> {
    const { journal, facts, log } = this.parts;
    log('declined', { taskId, epoch, ...refusal });
    if (refusal.code === 'ENGINE_DOWN') this.engineFailedAtMs = performance.now();
    const highestEpoch = journal.state.epochs.get(taskId) ?? null;
    try {
      // An older epoch's daemon may run on: then that is what is served here, and is adopted by the next agent.
      const left: JournalRecord = held ? { k: 'order', order: held.order } : { k: 'stop', route: taskId, epoch };
      await facts.tell({ type: 'TaskDeclined', data: { taskId, epoch, highestEpoch, ...refusal } }, cause, left);
    } catch (error) {
      if (refusal.code !== 'JOURNAL_FAILED') throw error;
      log('a refusal could not be told: the journal takes nothing', { taskId, epoch });
    }
  }

  private noteEffect(name: string, route: string, epoch: number): Promise<void> {
    return this.parts.journal.append({ k: 'effect', name, route, epoch, at: new Date().toISOString() });
  }

  private slotOf(systemId: string): Slot {
    const slot = this.slots.get(systemId) ?? { newest: new AbortController(), deathsAtMs: [], turn: Promise.resolve() };
    this.slots.set(systemId, slot);
    return slot;
  }

  private inTurn(slot: Slot, work: () => Promise<void>): Promise<void> {
    const done = slot.turn.then(work);
    slot.turn = done.catch(() => undefined); // told to the caller; the next in line is not held up
    return done;
  }
}

interface Asked {
  signal: AbortSignal;
  cause?: Cause | undefined;
}

function callOffOthers(slot: Slot): AbortSignal {
  slot.newest.abort();
  slot.newest = new AbortController();
  return slot.newest.signal;
}
