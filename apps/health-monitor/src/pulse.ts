import { LogCanaryObserved, topics } from '@holdfast/contracts';
import { logger } from '@holdfast/observability';
import type { Samples } from '@holdfast/messaging';
import { CANARY_MS } from './domain/numbers';
import type { Observer } from './observer';

/** The observer's own beat: a canary through every partition, and a look at which of them have come back. */
export class Pulse {
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | undefined;
  private seq = 0;

  constructor(
    private readonly observer: Observer,
    private readonly samples: Samples,
  ) {}

  start(): void {
    this.timer ??= setInterval(() => this.beat(), CANARY_MS);
    this.beat();
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.looking;
  }

  private beat(): void {
    const { observerId, bootId, partitions } = this.observer.o;
    this.seq += 1;
    const canary = { type: LogCanaryObserved.type, data: { observerId, bootId, seq: this.seq } };
    for (let partition = 0; partition < partitions; partition++) {
      this.samples.send(canary, { key: 'canary', topic: topics.samples.name, partition });
    }
    this.looking ??= this.look().finally(() => (this.looking = undefined));
  }

  private async look(): Promise<void> {
    try {
      await this.observer.lookAtAll();
    } catch (error) {
      // The store is away. What is blind stays blind, and is told with the next beat that finds it back.
      logger('observer').warn({ err: error }, 'sight could not be told');
    }
  }
}
