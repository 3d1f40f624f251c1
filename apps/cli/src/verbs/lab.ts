import { connect } from 'node:net';
import { join } from 'node:path';
import { exit, Failure, usage } from '../failure';
import type { Session } from '../session';
import type { World } from '../world';
import { action, examples, type Verb } from '../verb';

interface LabAnswer {
  ok: boolean;
  message: string;
  expect?: string;
  code?: string;
  remedy?: string;
}

const verbs = {
  kill: 'a power cut: watchdog, agent and daemons of a node, or one part, by SIGKILL',
  pause: 'a frozen machine',
  resume: 'the machine runs on',
  start: 'a repaired machine, or a stopped part',
  stop: 'a part stopped, and kept so',
};
const ofNodes = new Set(['kill', 'pause', 'resume', 'start']);
const ofParts = new Set(['kill', 'stop', 'start']);

const targetsOf = (verb: string): string[] => [
  ...(ofNodes.has(verb) ? ['node/<id>'] : []),
  ...(ofParts.has(verb) ? ['service/<name>', 'kafka', 'postgres'] : []),
];

/** The local fleet only, through its supervisor's socket: this never goes through the gateway. */
export const lab: Verb = (program, world) => {
  const family = examples(
    program.command('lab').description('break and mend the local fleet'),
    'lab status',
    'lab kill node/alpha-1',
    'lab start node/alpha-1',
    'lab stop kafka',
  );
  for (const [verb, what] of Object.entries(verbs)) {
    family
      .command(`${verb} <target>`)
      .description(`${what} (${targetsOf(verb).join(', ')})`)
      .action(
        action(world, async (session, [target = '']) => {
          checkTarget(verb, target);
          await ask(session, { verb, target });
        }),
      );
  }
  family
    .command('status')
    .description('what runs, by process')
    .action(action(world, (session) => ask(session, { verb: 'status' })));
};

function checkTarget(verb: string, target: string): void {
  const isNode = /^node\/./.test(target);
  const isPart = /^(service\/.+|kafka|postgres)$/.test(target);
  if ((isNode && ofNodes.has(verb)) || (isPart && ofParts.has(verb))) return;
  throw usage(
    `lab ${verb} does not take ${target}`,
    `nodes: kill, pause, resume, start node/<id>; parts: kill, stop, start service/<name>, kafka or postgres`,
  );
}

async function ask(session: Session, request: { verb: string; target?: string }): Promise<void> {
  const answer = await call(session.world, request);
  if (session.asJson) session.json(answer);
  if (!answer.ok) throw refused(answer);
  if (session.asJson) return;
  session.line(answer.message);
  if (answer.expect) session.line(`expect ${answer.expect.replace(/^expect /, '')}`);
}

function refused({ code = 'LAB_REFUSED', message, remedy = 'see `holdfast lab status`' }: LabAnswer): Failure {
  return new Failure({ code, message, remedy, exitCode: code === 'NOT_FOUND' ? exit.notFound : exit.refused });
}

function socketOf({ env }: World): string {
  return join(env['HOLDFAST_RUN_DIR'] || '.holdfast/run', 'lab.sock');
}

/** One line of JSON each way. */
function call(world: World, request: object): Promise<LabAnswer> {
  const path = socketOf(world);
  return new Promise((resolve, reject) => {
    let received = '';
    const socket = connect(path, () => socket.write(`${JSON.stringify(request)}\n`));
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      received += chunk;
      if (!received.includes('\n')) return;
      socket.end();
      resolve(JSON.parse(received) as LabAnswer);
    });
    socket.on('error', (error) => reject(noLab(path, error.message)));
    socket.on('close', () => reject(noLab(path, 'it closed without an answer')));
  });
}

function noLab(path: string, why: string): Failure {
  return new Failure({
    code: 'LAB_UNREACHABLE',
    message: `no local fleet at ${path} (${why})`,
    remedy: 'start it with `npm start`, or name its folder in HOLDFAST_RUN_DIR',
    exitCode: exit.unreachable,
  });
}
