import { Api } from '../api';
import { contextFile, readContexts, writeContexts } from '../contexts';
import { usage } from '../failure';
import type { Session } from '../session';
import { gatewayToKeep, noContext, type CommonOptions } from '../settings';
import { table } from '../table';
import { action, type Verb } from '../verb';

interface LoginOptions {
  name: string;
}

/** Which gateway, and as whom. */
export const contexts: Verb = (program, world) => {
  program
    .command('login')
    .description('keep a gateway and its token under a name; the token comes by stdin, HOLDFAST_TOKEN or its file')
    .option('--name <name>', 'of the context', 'default')
    .action(action<LoginOptions>(world, login));

  const family = program.command('context').description('the gateways that are known by name');
  family.command('list').description('all of them').action(action(world, list));
  family.command('use <name>').description('speak to this one from now on').action(action(world, use));
};

/** Nothing is kept that does not work. */
async function login(session: Session, _given: string[], { name, ...options }: LoginOptions & CommonOptions) {
  const { world } = session;
  const { url, token: given } = gatewayToKeep(world, options);
  if (world.terminal && given === undefined) world.err('token, then Ctrl-D: ');
  const token = (given ?? (await world.readInput())).trim();
  if (!token) throw usage('there is no token', 'printf %s "$TOKEN" | holdfast login --url …');
  await new Api(world, { url, token }, false).list('/v1/clusters');
  const known = readContexts(world);
  writeContexts(world, { current: name, contexts: { ...known.contexts, [name]: { url, token } } });
  session.line(`signed in to ${url} as context ${name}, kept in ${contextFile(world)}`);
}

async function list(session: Session): Promise<void> {
  const { current, contexts: known } = readContexts(session.world);
  const rows = Object.entries(known).map(([name, { url }]) => ({ name, url, current: name === current }));
  if (session.asJson) return session.json(rows);
  if (rows.length === 0) return session.note('no contexts; make one with `holdfast login`');
  const cells = rows.map((row) => [row.current ? '*' : '', row.name, row.url]);
  session.world.out(table(session.world, ['', 'CONTEXT', 'GATEWAY'], cells));
}

async function use(session: Session, [name = '']: string[]): Promise<void> {
  const known = readContexts(session.world);
  if (!(name in known.contexts)) throw noContext(name, known.contexts);
  writeContexts(session.world, { ...known, current: name });
  session.line(`context ${name}: ${known.contexts[name]?.url}`);
}
