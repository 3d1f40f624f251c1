import { telemetry } from './start';
import { startAgent } from './agent';
import { agentConfig } from './config';
import { logger } from '@holdfast/observability';

async function main(): Promise<void> {
  const agent = await startAgent(agentConfig());
  const stop = async () => {
    await agent.stop();
    await (await telemetry).stop();
    process.exit(0);
  };
  process.once('SIGTERM', () => void stop());
  process.once('SIGINT', () => void stop());
}

main().catch((error: unknown) => {
  logger('agent').fatal({ err: error }, 'the agent cannot start');
  process.exit(1);
});
