import { FleetError } from '@holdfast/kernel';
import { logger } from './logger';
import type { Telemetry } from './telemetry';

/** What is in hand is finished and sent; beyond this nobody waits. */
const END_MS = 25_000;

export interface RunningService {
  stop(): Promise<void>;
}

/** The whole life of a service's process. SIGTERM ends it in its own order, its last spans are sent, and it exits. */
export async function runService(start: () => Promise<RunningService>, telemetry: Promise<Telemetry>): Promise<void> {
  let ending: Promise<void> | undefined;
  const end = async (service: RunningService): Promise<void> => {
    setTimeout(() => process.exit(1), END_MS).unref();
    try {
      await service.stop();
      await (await telemetry).stop();
      process.exit(0);
    } catch (error) {
      fail(error, 'the service did not end in order');
    }
  };
  try {
    const service = await start();
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => (ending ??= end(service)));
  } catch (error) {
    fail(error, 'the service does not start');
  }
}

function fail(error: unknown, message: string): void {
  const { code, remedy } = error instanceof FleetError ? error : { code: 'UNEXPECTED', remedy: undefined };
  logger().fatal({ err: error, code, remedy }, message);
  process.exit(1);
}
