import { telemetry } from './start';
import { loadConfig, logger } from '@holdfast/observability';
import { balancerConfig } from './config';
import { startLoadBalancer } from './load-balancer';

/** The batch in hand is finished, what is committed is sent; more than this nobody waits for. */
const STOP_MS = 25_000;

async function main(): Promise<void> {
  const balancer = await startLoadBalancer(loadConfig(balancerConfig));
  const stop = async (): Promise<void> => {
    setTimeout(() => process.exit(1), STOP_MS).unref();
    await balancer.stop();
    await (await telemetry).stop();
    process.exit(0);
  };
  process.once('SIGTERM', () => void stop());
  process.once('SIGINT', () => void stop());
}

main().catch((error: unknown) => {
  logger().fatal({ err: error }, 'the load-balancer did not start');
  process.exit(1);
});
