import { FleetError } from '@holdfast/kernel';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { isKnown, knownVariables, nearestKnown } from './known-variables';
import { levels } from './logger';
import { Secret } from './secret';

type Environment = Readonly<Record<string, string | undefined>>;

/** The environment does not describe a process that can run. */
export class ConfigInvalid extends FleetError {
  readonly code = 'CONFIG_INVALID';
  readonly retryable = false;
  override readonly remedy = 'correct the environment; `holdfast env` lists every variable and its default';
  constructor(readonly faults: readonly string[]) {
    super(faults.join('\n'));
  }
}

/** A value of the environment that is wrapped at once, so that it reaches no log. Also read from `<name>_FILE`. */
export const secret = z
  .string()
  .min(1)
  .transform((value) => new Secret(value));

/** The process' settings: a zod object whose keys are the variables. All faults are named at once. */
export function readConfig<S extends z.ZodObject>(schema: S, env: Environment): z.infer<S> {
  const given = Object.fromEntries(Object.keys(schema.shape).map((name) => [name, valueOf(name, env)]));
  const result = schema.safeParse(given);
  const faults = [
    ...unknownNames(env),
    ...unknownLevel(env),
    ...(result.error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`),
  ];
  if (!result.success || faults.length > 0) throw new ConfigInvalid(faults);
  return result.data;
}

/** As `readConfig`; a fault ends the process with exit code 2 and every fault on stderr. */
export function loadConfig<S extends z.ZodObject>(schema: S, env: Environment = process.env): z.infer<S> {
  try {
    return readConfig(schema, env);
  } catch (error) {
    if (!(error instanceof ConfigInvalid)) throw error;
    process.stderr.write(`${error.message}\n${error.remedy}\n`);
    process.exit(2);
  }
}

function unknownNames(env: Environment): string[] {
  return Object.keys(env)
    .filter((name) => name.startsWith('HOLDFAST_') && !isKnown(name))
    .map((name) => `${name} is not known; did you mean ${nearestKnown(name)}?`);
}

/** Every process logs, whatever else it reads. */
function unknownLevel({ HOLDFAST_LOG_LEVEL: level }: Environment): string[] {
  return !level || levels.includes(level) ? [] : [`HOLDFAST_LOG_LEVEL: ${level} is none of ${levels.join(', ')}`];
}

/** An empty variable counts as absent: that is how shells and compose files leave one out. */
function valueOf(name: string, env: Environment): string | undefined {
  if (env[name]) return env[name];
  const file = env[`${name}_FILE`];
  if (!file || !knownVariables[name]?.secret) return undefined;
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new ConfigInvalid([`${name}_FILE: ${(error as Error).message}`]);
  }
}
