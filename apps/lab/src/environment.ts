import { LOG_LEVEL } from './quiet';

/** Set by us for each process, never inherited: what the supervisor itself was told. */
const OURS =
  /^HOLDFAST_(RUN_DIR|RUN_ID|CONTEXT_FILE|URL|TOKEN|DATABASE_URL|KAFKA_BROKERS|STORAGE_DAEMON|INSTALL|GATEWAY_PORT|LOG_LEVEL)$/;

/** Agents and services keep a small heap, and kafkajs on Node 24 makes Node warn about a timer of its own. */
export const NODE_FLAGS = [
  '--max-old-space-size=128',
  '--max-semi-space-size=1',
  '--disable-warning=TimeoutNegativeWarning',
] as const;

/** The environment of a process of this run: ours, without what was meant for the supervisor, and its own variables. */
export function environment(runId: string, own: Readonly<Record<string, string | undefined>>): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !OURS.test(name));
  const given = Object.entries({ HOLDFAST_LOG_LEVEL: LOG_LEVEL, ...own }).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(inherited), HOLDFAST_RUN_ID: runId, ...Object.fromEntries(given) };
}
