import type { StorageDaemon } from './engine.driver';
import { EngineError } from './errors';
import type { ServeOrder } from './journal-records';
import type { Layers } from './layers';

/** A system that is served here, by a live daemon. */
export interface Held {
  order: ServeOrder;
  daemon: StorageDaemon;
  layers: Layers;
}

/** Clients off, images flushed and closed. A daemon that does not stop is killed: what it acknowledged is durable. */
export async function stopServing(
  { daemon, layers }: Held,
  log: (message: string, details: object) => void,
): Promise<void> {
  await layers.leave();
  try {
    await daemon.stop();
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    log('daemon killed, it did not stop', { code: error.code });
    await daemon.discard();
  }
}
