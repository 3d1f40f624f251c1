import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { exit, Failure } from '../failure';
import type { Session } from '../session';
import { table } from '../table';
import { size } from '../values';
import { action, type Verb } from '../verb';
import type { World } from '../world';

export interface Finding {
  check: string;
  state: 'ok' | 'warning' | 'missing';
  found: string;
  remedy: string;
}

const GIB = 1_024 ** 3;
const LEAST_QEMU = 7.2;
/** Where `npm start` puts Kafka's jars, once. */
const KAFKA = join(__dirname, '../../../../.holdfast/cache/kafka-4.4.0');
const install = (packages: string) => `apt-get install ${packages}`;

/** What `npm start` checks before it begins, and whether a fleet answers. */
export const doctor: Verb = (program, world) => {
  program
    .command('doctor')
    .description('what a local fleet needs, what is there, and how to get the rest')
    .action(
      action(world, async (session) => {
        const findings = await Promise.all([...machine(world.env), gateway(session)]);
        if (session.asJson) session.json(findings);
        else {
          const cells = findings.map(({ check, state, found, remedy }) => [
            check,
            state,
            found,
            state === 'ok' ? '' : remedy,
          ]);
          world.out(table(world, ['CHECK', 'STATE', 'FOUND', 'REMEDY'], cells));
        }
        const missing = findings.filter(({ state }) => state === 'missing');
        if (missing.length > 0) throw incomplete(missing);
      }),
    );
};

function machine(env: World['env']): Promise<Finding>[] {
  const programs = programsFor(env, { kafkaFetched: existsSync(KAFKA) });
  return [...programs.map((wanted) => program(wanted, env)), disk(), memory()];
}

interface Wanted {
  check: string;
  args: string[];
  least?: number;
  remedy: string;
}

/** By the rule of `infra/prepare.mjs`: a Kafka that is given needs neither Java nor Maven, one that was fetched no Maven. */
export function programsFor(env: World['env'], { kafkaFetched }: { kafkaFetched: boolean }): Wanted[] {
  const given = env['HOLDFAST_STORAGE_DAEMON'];
  const java = { check: 'java', args: ['-version'], least: 17, remedy: install('default-jre-headless') };
  const maven = { check: 'mvn', args: ['--version'], remedy: install('maven') };
  const daemon = {
    check: given || 'qemu-storage-daemon',
    args: ['--version'],
    least: LEAST_QEMU,
    remedy: given ? 'name another in HOLDFAST_STORAGE_DAEMON' : install('qemu-system-common'),
  };
  const image = { check: 'qemu-img', args: ['--version'], least: LEAST_QEMU, remedy: install('qemu-utils') };
  const ofOwnKafka = env['HOLDFAST_KAFKA_BROKERS'] ? [] : [java, ...(kafkaFetched ? [] : [maven])];
  return [...ofOwnKafka, daemon, image];
}

async function program({ check, args, least = 0, remedy }: Wanted, env: World['env']): Promise<Finding> {
  try {
    const { stdout, stderr } = await promisify(execFile)(check, args, { env: { ...env } });
    const [, version = '?'] = /(\d+\.\d+(?:\.\d+)*)/.exec(stdout + stderr) ?? [];
    const enough = Number.parseFloat(version) >= least;
    return { check, state: enough ? 'ok' : 'missing', found: version, remedy: enough ? '' : `${remedy} (≥ ${least})` };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const found = code === 'ENOENT' ? 'not there' : (message.split('\n')[0] ?? message);
    return { check, state: 'missing', found, remedy };
  }
}

async function disk(): Promise<Finding> {
  const { bavail, bsize } = await statfs('.');
  const free = Math.round((bavail * bsize) / GIB) * GIB;
  const state = bavail * bsize >= 3 * GIB ? 'ok' : 'missing';
  return { check: 'disk', state, found: `${size(free)} free`, remedy: 'free 3 GiB in this folder' };
}

async function memory(): Promise<Finding> {
  const state = totalmem() >= 3.5 * GIB ? 'ok' : 'warning';
  return { check: 'memory', state, found: size(Math.round(totalmem() / GIB) * GIB), remedy: 'a fleet wants 4 GiB' };
}

async function gateway(session: Session): Promise<Finding> {
  try {
    const { items } = await session.api.list('/v1/services');
    const unready = items.filter(({ ready }) => ready === false).length;
    const found =
      unready === 0 ? `answers, ${items.length} services` : `${unready} of ${items.length} services not ready`;
    return { check: 'gateway', state: unready === 0 ? 'ok' : 'warning', found, remedy: 'holdfast get services' };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { check: 'gateway', state: 'warning', found: error.code, remedy: error.remedy };
  }
}

function incomplete(missing: readonly Finding[]): Failure {
  return new Failure({
    code: 'PIECES_MISSING',
    message: `${missing.map(({ check }) => check).join(', ')}: a local fleet cannot start`,
    remedy: missing.map(({ remedy }) => remedy).join('; '),
    exitCode: exit.refused,
  });
}
