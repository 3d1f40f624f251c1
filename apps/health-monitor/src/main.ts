import { telemetry } from './start';
import 'reflect-metadata';
import { FleetError } from '@holdfast/kernel';
import { loadConfig, logger } from '@holdfast/observability';
import { healthConfig } from './config';
import { startHealthMonitor } from './health-monitor';

const STOP_MS = 25_000;
const log = logger();

async function main(): Promise<void> {
  const service = await startHealthMonitor(loadConfig(healthConfig));
  log.info({ adminPort: service.adminPort }, 'health-monitor runs');
  process.once('SIGTERM', () => void stop(() => service.stop()));
  process.once('SIGINT', () => void stop(() => service.stop()));
}

async function stop(stopService: () => Promise<void>): Promise<void> {
  setTimeout(() => process.exit(1), STOP_MS).unref();
  await stopService();
  await (await telemetry).stop();
  process.exit(0);
}

main().catch((error: unknown) => {
  const { code, remedy } = error instanceof FleetError ? error : { code: 'UNEXPECTED', remedy: undefined };
  log.fatal({ err: error, code, remedy }, 'health-monitor does not start');
  process.exit(1);
});
