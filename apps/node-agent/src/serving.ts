import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StorageDaemon } from './engine.driver';
import { Superseded } from './errors';
import type { Cause, Facts } from './facts';
import { stopServing, type Held } from './held';
import type { Journal } from './journal';
import { EVERY_EPOCH, type ServeOrder } from './journal-records';
import { Layers } from './layers';
import { judgeOrder, mayRestart, type HeardOrder } from './order.rules';
import { Pinners } from './pins';
import { isEngineLost, refusalOf, type Refusal } from './refusal';
import { removeFiles } from './removal';
import { ServeFacts } from './serve-facts';
import { runFolderOf, takeUp, type Attempt, type NodeEngine } from './take-up';
import { callOffOthers, inTurn, newTurns, type Turns } from './turns';

interface ServingParts {
  node: NodeEngine;
  incarnation: string;
  journal: Journal;
  facts: Facts;
  /** Nothing new is taken while nobody watches. */
  watchdogAlive(): boolean;
  /** Fills the new images of a system that is made from a backup. */
  fill: Attempt['fill'];
  log(message: string, details?: object): void;
}

/** One system on this node: what is served, what is being attempted, and the turn of whoever comes next. */
interface Slot extends Turns {
  held?: Held | undefined;
  deathsAtMs: number[];
  pinners: Pinners;
}

const WATCHDOG_GRACE_MS = 3_000;
const ENGINE_DOWN_MS = 60_000;

/** All systems that this node serves. Orders for one system are carried out one after the other, the newest wins. */
export class Serving {
  private engineFailedAtMs = -Infinity;
  private readonly slots = new Map<string, Slot>();
  private readonly tell: ServeFacts;

  constructor(private readonly parts: ServingParts) {
    this.tell = new ServeFacts(parts);
  }

  /** The engine failed us within the last minute: told with each heartbeat. */
  get engineDown(): boolean {
    return performance.now() - this.engineFailedAtMs < ENGINE_DOWN_MS;
  }

  held(): Held[] {
    return [...this.slots.values()].flatMap(({ held }) => held ?? []);
  }

  /** Of whatever is to be served here, though its daemon may be dead at this moment, or not up yet. */
  unpin(taskId: string): void {
    for (const { pinners, held } of this.slots.values()) {
      pinners.drop(taskId);
      held?.layers.tend();
    }
  }

  /** `judgeOrder` says whether anything is to be done; the epoch is durable before anything is. */
  async order(heard: HeardOrder, cause?: Cause): Promise<void> {
    const { nodeIncarnation: _, ...order } = heard;
    const slot = this.slotOf(order.systemId);
    const highestEpoch = this.parts.journal.state.epochs.get(order.taskId) ?? 0;
    const servedEpoch = slot.held?.order.epoch;
    const verdict = judgeOrder(heard, { incarnation: this.parts.incarnation, highestEpoch, servedEpoch });
    if (verdict === 'stale') return this.tell.stale(order, highestEpoch, cause);
    if (verdict === 'count') return this.parts.journal.append({ k: 'epoch', route: order.taskId, epoch: order.epoch });
    if (verdict === 'repeat') return this.repeat(slot, heard, cause);
    // Not in its turn, which may come late: a task that was over by then would be taken for an open one.
    slot.pinners.begin(order.spec.pinnedBy ?? []);
    const signal = callOffOthers(slot);
    const noted = this.parts.journal.append({ k: 'order', order });
    noted.catch(() => undefined); // its failure is met in turn, and declined there
    return inTurn(slot, () => this.take(slot, order, { noted, signal, cause }));
  }

  /** Of an agent that began anew: the one before may have died between the end of a task and that of its pins. */
  private repeat({ pinners, held }: Slot, { nodeIncarnation, ...order }: HeardOrder, cause?: Cause): Promise<void> {
    // One that names no agent may be older than the points frozen since.
    if (nodeIncarnation !== null) pinners.begin(order.spec.pinnedBy ?? []);
    held?.layers.tend();
    return this.tell.taken(order, 0, cause);
  }

  /** A planned stop: clients off, images flushed and closed, noted, told. The next epoch opens. */
  async recall({ taskId, systemId, epoch }: Omit<ServeOrder, 'spec'>, cause?: Cause): Promise<void> {
    const slot = this.slotOf(systemId);
    if (epoch < (this.parts.journal.state.epochs.get(taskId) ?? 0)) return;
    callOffOthers(slot);
    await inTurn(slot, async () => {
      await this.stopDaemon(slot);
      const stop = { k: 'stop' as const, route: taskId, epoch };
      await this.parts.facts.tell(
        { type: 'TaskStopped', data: { taskId, epoch, token: null, doneBytes: 0 } },
        cause,
        stop,
      );
    });
  }

  /**
   * It is to be served nowhere any more. The word names no epoch: it ends all that was ordered before it, and is noted
   * before anything that is ordered after it. Noted ahead of the stop, too: what outlives this agent is not adopted. Should
   * the next agent hear it once more, behind a newer order that this one had noted, the start of an agent has that order
   * offered anew.
   */
  async cancel({ taskId, systemId }: Pick<ServeOrder, 'taskId' | 'systemId'>): Promise<void> {
    const { journal } = this.parts;
    if (!this.slots.has(systemId) && !journal.state.serving.has(taskId)) return;
    const slot = this.slotOf(systemId);
    callOffOthers(slot);
    const noted = journal.append({ k: 'stop', route: taskId, epoch: EVERY_EPOCH });
    noted.catch(() => undefined); // its failure is met in turn
    await inTurn(slot, async () => {
      const held = slot.held?.order;
      await this.stopDaemon(slot);
      await noted;
      // A refusal that was just being told noted once more what ran on then.
      if (held) await journal.append({ k: 'stop', route: taskId, epoch: held.epoch });
    });
  }

  /** Retired, or never created: claimed at the removal's epoch, so that nobody opens it any more; then all of it goes. */
  async remove({ taskId, systemId, epoch }: Omit<ServeOrder, 'spec'>, cause?: Cause): Promise<void> {
    const { node, journal, facts } = this.parts;
    const slot = this.slotOf(systemId);
    if (epoch < (journal.state.epochs.get(taskId) ?? 0)) return;
    const signal = callOffOthers(slot);
    await inTurn(slot, async () => {
      await journal.append({ k: 'epoch', route: taskId, epoch });
      await this.stopDaemon(slot);
      const removed = await removeFiles({ systemId, epoch }, node, signal);
      if (!removed) return this.parts.log('removal refused by a higher claim', { systemId, epoch });
      const stop = { k: 'stop' as const, route: taskId, epoch };
      await facts.tell({ type: 'SystemRemoved', data: { systemId, epoch } }, cause, stop);
    });
  }

  /** At start: this daemon lived on while the agent did not. Its clients notice nothing. */
  adopt(order: ServeOrder, daemon: StorageDaemon): void {
    this.hold(this.slotOf(order.systemId), order, daemon).adopt();
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
      await held?.layers.leave();
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
    if (slot.held?.order.epoch === order.epoch) return this.tell.taken(order, 0, cause);
    const begunAt = performance.now();
    const decline = async (why: Refusal) => {
      // Whatever called it off has noted what is to be served here.
      if (!signal.aborted) await this.tell.declined(order, { ...why, cause, held: slot.held?.order });
    };
    try {
      await noted;
      if (!(await this.watched())) return await decline({ code: 'WATCHDOG_DEAD' });
      await this.stopDaemon(slot); // an older epoch's, of our own
      const daemon = await this.attempt(order, { signal, cause });
      this.hold(slot, order, daemon).tend();
      await this.tell.taken(order, performance.now() - begunAt, cause);
    } catch (error) {
      if (error instanceof Superseded) return;
      if (isEngineLost(error)) this.engineFailedAtMs = performance.now();
      await decline(refusalOf(error));
    }
  }

  private async attempt(order: ServeOrder, { signal, cause }: Asked): Promise<StorageDaemon> {
    const { taskId, epoch } = order;
    const attempt: Attempt = {
      signal,
      blocked: (waitsFor) => void this.tell.blocked(order, waitsFor, cause),
      effect: (name) => this.noteEffect(name, taskId, epoch),
      fill: this.parts.fill,
    };
    const daemon = await takeUp(order, this.parts.node, attempt);
    this.engineFailedAtMs = -Infinity;
    return daemon;
  }

  private hold(slot: Slot, order: ServeOrder, daemon: StorageDaemon): Layers {
    const { node, log } = this.parts;
    const layers = new Layers({ order, daemon, pinners: slot.pinners, node, log });
    const held = { order, daemon, layers };
    slot.held = held;
    void daemon.gone.then(async () => {
      if (slot.held !== held) return; // we stopped it ourselves
      slot.held = undefined;
      await layers.leave();
      this.parts.log('daemon died', { systemId: order.systemId, epoch: order.epoch });
      slot.deathsAtMs.push(performance.now());
      this.restart(slot, order).catch((error: unknown) =>
        this.parts.log('not served again', { systemId: order.systemId, error: String(error) }),
      );
    });
    return layers;
  }

  /** In place, at the claim and epoch that it had. Nothing is told: it was and is served here. */
  private restart(slot: Slot, order: ServeOrder): Promise<void> {
    // Of this moment, not of its turn: an order that comes in between calls it off, and must not wait behind it.
    const { signal } = slot.newest;
    return inTurn(slot, () => this.serveAgain(slot, order, signal));
  }

  private async serveAgain(slot: Slot, order: ServeOrder, signal: AbortSignal): Promise<void> {
    const { taskId, epoch } = order;
    const mayServe = () => this.parts.journal.state.serving.get(taskId)?.epoch === epoch && !signal.aborted;
    let lost = true; // its engine, with the daemon that died
    while (mayServe() && !slot.held) {
      if (!mayRestart(slot.deathsAtMs, performance.now())) return this.fault(order, lost);
      try {
        this.hold(slot, order, await this.attempt(order, { signal })).tend();
      } catch (error) {
        if (error instanceof Superseded) return;
        const { code } = refusalOf(error);
        this.parts.log('not served again', { systemId: order.systemId, epoch, code, error: String(error) });
        if (code === 'STALE_EPOCH' || code === 'SYSTEM_RELEASED') return this.giveUp(order);
        slot.deathsAtMs.push(performance.now());
        lost = isEngineLost(error);
        await sleep(200);
      }
    }
  }

  /** The claim is another's: nothing here is of use to anybody. */
  private async giveUp(order: ServeOrder): Promise<void> {
    await this.parts.journal.append({ k: 'stop', route: order.taskId, epoch: order.epoch });
    await rm(runFolderOf(order, this.parts.node.runFolder), { recursive: true, force: true });
  }

  private async fault({ taskId, epoch }: ServeOrder, lost: boolean): Promise<void> {
    if (lost) this.engineFailedAtMs = performance.now();
    const stop = { k: 'stop' as const, route: taskId, epoch };
    const data = { taskId, epoch, errorClass: 'node' as const, code: 'ENGINE_DOWN', token: null };
    await this.parts.facts.tell({ type: 'TaskFaulted', data }, undefined, stop);
  }

  private async stopDaemon(slot: Slot): Promise<void> {
    const { held } = slot;
    if (!held) return;
    slot.held = undefined;
    await stopServing(held, this.parts.log);
    await this.noteEffect('stopped', held.order.taskId, held.order.epoch);
  }

  private async watched(): Promise<boolean> {
    for (const giveUpAt = performance.now() + WATCHDOG_GRACE_MS; performance.now() < giveUpAt; await sleep(50))
      if (this.parts.watchdogAlive()) return true;
    return this.parts.watchdogAlive();
  }

  private noteEffect(name: string, route: string, epoch: number): Promise<void> {
    return this.parts.journal.append({ k: 'effect', name, route, epoch, at: new Date().toISOString() });
  }

  private slotOf(systemId: string): Slot {
    const slot = this.slots.get(systemId) ?? newSlot();
    this.slots.set(systemId, slot);
    return slot;
  }
}

function newSlot(): Slot {
  return { ...newTurns(), deathsAtMs: [], pinners: new Pinners() };
}

interface Asked {
  signal: AbortSignal;
  cause?: Cause | undefined;
}
