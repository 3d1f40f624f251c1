import type { Journal } from './journal';
import type { JournalRecord, ServeOrder } from './journal-records';
import { SERVING_PORT } from './engine.driver';
import type { Cause, Facts } from './facts';
import type { Refusal } from './refusal';
import type { NodeEngine, WaitsFor } from './take-up';

interface ServeFactsParts {
  node: NodeEngine;
  journal: Journal;
  facts: Facts;
  log(message: string, details?: object): void;
}

/** What is told of a serve order: taken, waiting, declined. */
export class ServeFacts {
  constructor(private readonly parts: ServeFactsParts) {}

  async taken(order: ServeOrder, tookMs: number, cause?: Cause): Promise<void> {
    const { taskId, epoch, spec } = order;
    const address = this.parts.node.addressOf(order);
    const exports = spec.volumes.map(({ volumeId }) => ({
      volumeId,
      uri: `nbd://${address}:${SERVING_PORT}/${volumeId}`,
    }));
    // What it was filled from was checked before it was listed, and it is not served unless it is listed.
    const manifest = spec.fromBackup && { manifest: spec.fromBackup.manifest };
    await this.parts.facts.tell({ type: 'TaskTaken', data: { taskId, epoch, tookMs, exports, ...manifest } }, cause);
  }

  async blocked({ taskId, epoch }: ServeOrder, waitsFor: WaitsFor, cause?: Cause): Promise<void> {
    try {
      await this.parts.facts.tell({ type: 'TaskBlocked', data: { taskId, epoch, waitsFor } }, cause);
    } catch (error) {
      this.parts.log('a wait could not be told', { taskId, error: String(error) });
    }
  }

  async stale({ taskId, epoch }: ServeOrder, highestEpoch: number, cause?: Cause): Promise<void> {
    const { facts } = this.parts;
    await facts.tell({ type: 'EpochAheadFound', data: { route: taskId, highestEpoch, by: 'journal' } }, cause);
    await facts.tell({ type: 'TaskDeclined', data: { taskId, epoch, code: 'STALE_EPOCH', highestEpoch } }, cause);
  }

  /** `held`: what is served here all the same. */
  async declined(
    { taskId, epoch }: ServeOrder,
    { cause, held, ...refusal }: Refusal & { cause?: Cause | undefined; held?: ServeOrder | undefined },
  ): Promise<void> {
    const { journal, facts, log } = this.parts;
    log('declined', { taskId, epoch, ...refusal });
    const highestEpoch = journal.state.epochs.get(taskId) ?? null;
    try {
      // An older epoch's daemon may run on: then that is what is served here, and is adopted by the next agent.
      const left: JournalRecord = held ? { k: 'order', order: held } : { k: 'stop', route: taskId, epoch };
      await facts.tell({ type: 'TaskDeclined', data: { taskId, epoch, highestEpoch, ...refusal } }, cause, left);
    } catch (error) {
      if (refusal.code !== 'JOURNAL_FAILED') throw error;
      log('a refusal could not be told: the journal takes nothing', { taskId, epoch });
    }
  }
}
