import { telemetry } from './start';
import { loadConfig, logger } from '@holdfast/observability';
import { config } from './config';
import { startGateway } from './gateway';

/** Streams are told to come back, the batch in hand is finished, what is committed is sent; nobody waits for more. */
const STOP_MS = 25_000;

async function main(): Promise<void> {
  const gateway = await startGateway(loadConfig(config));
  logger().info({ url: gateway.url }, 'the gateway answers');
  const stop = async (): Promise<void> => {
    setTimeout(() => process.exit(1), STOP_MS).unref();
    await gateway.stop();
    await (await telemetry).stop();
    process.exit(0);
  };
  process.once('SIGTERM', () => void stop());
  process.once('SIGINT', () => void stop());
}

main().catch((error: unknown) => {
  logger().fatal({ err: error }, 'the gateway did not start');
  process.exit(1);
});
