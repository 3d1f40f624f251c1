import type { AsOf, Page, Row } from '../api';
import { AS_OF, nowOf, warnOfAge } from '../as-of';
import { exit, Failure, usage } from '../failure';
import { columnsOf, idOf, kindNames, kindOf, statesOf, type Kind } from '../kinds';
import type { Session } from '../session';
import { findOne } from '../subjects';
import { table } from '../table';
import { action, examples, type Verb } from '../verb';
import { pause } from '../world';

export interface GetOptions {
  status?: string;
  /** The same, as tasks have it. */
  state?: string;
  cluster?: string;
  system?: string;
  kind?: string;
  watch?: boolean;
}

const LOOK_EVERY_MS = 1_000;

export const get: Verb = (program, world) => {
  examples(
    program.command('get <kind> [id]'),
    'get nodes --status down',
    'get tasks --kind serve -o json',
    'get systems --cluster alpha --watch',
    'get systems --as-of 10m',
  )
    .description(`list ${kindNames.join(', ')}`)
    .option('--status <state>', 'only those in this state')
    .option('--state <state>', 'the same, as tasks have it')
    .option('--cluster <id>', 'only those of this cluster')
    .option('--kind <kind>', 'only tasks of this kind (serve is left out otherwise), or operations')
    .option(...AS_OF)
    .option('--watch', 'go on: a line for each change; with -o json NDJSON')
    .action(
      action<GetOptions>(world, async (session, [kindName = '', id], options) => {
        const kind = kindOf(kindName);
        if (options.watch && session.options.asOf)
          throw usage('the past does not change', 'leave --watch out; `holdfast history <subject>` shows how it came');
        if (id === undefined && options.watch) return untilInterrupted(watch(session, kind, options));
        if (id === undefined) return showKind(session, kind, options);
        await showOne(session, kind, id);
      }),
    );
};

async function showOne(session: Session, kind: Kind, id: string): Promise<void> {
  const { row } = await findOne(session, kind, id);
  const asOf = row['asOf'] as AsOf | undefined;
  warnOfAge(session, asOf, 'this');
  if (session.asJson) session.json(row);
  else showRows(session, kind, { items: [row], now: nowOf(session, asOf) });
}

export async function showKind(session: Session, kind: Kind, options: GetOptions): Promise<void> {
  showList(session, kind, await list(session, kind, options));
}

async function list(session: Session, kind: Kind, options: GetOptions): Promise<Page> {
  const { status, state = status, cluster, system, kind: only } = options;
  const query = { ...(only ? { 'filter[kind]': only } : {}), ...session.past };
  const { items, asOf } = await session.api.list(`/v1/${kind.plural}`, query);
  // Here, not in the query: a state may be computed, such as that of a system whose node has died.
  const wanted = (row: Row) =>
    (state === undefined || statesOf(kind, row).includes(state)) &&
    (cluster === undefined || row['clusterId'] === cluster) &&
    (system === undefined || row['systemId'] === system);
  return { items: items.filter(wanted), asOf };
}

function showList(session: Session, kind: Kind, { items, asOf }: Page): void {
  warnOfAge(session, asOf, 'this list');
  if (session.asJson) return session.json(items);
  if (items.length === 0 && session.options.output !== 'name')
    return session.note(kind.whenNone ?? `no ${kind.plural}`);
  showRows(session, kind, { items, now: nowOf(session, asOf) });
}

export function showRows(session: Session, kind: Kind, { items, now }: { items: readonly Row[]; now: number }): void {
  const { world, options } = session;
  if (options.output === 'name') return items.forEach((row) => session.line(`${kind.singular}/${idOf(kind, row)}`));
  const columns = columnsOf(kind, options.output === 'wide');
  const cells = items.map((row) => columns.map(({ value }) => value(row, now)));
  // What no row has to tell is left out, but never the columns that name a thing and its state.
  const told = columns.map((_, i) => i < 4 || cells.some((row) => row[i] !== '-'));
  const heads = columns.filter((_, i) => told[i]).map(({ head }) => head);
  const rows = cells.map((row) => row.filter((_, i) => told[i]));
  // What is asked for as wide is there to be copied: nothing of it wraps.
  world.out(table(options.output === 'wide' ? { ...world, columns: Infinity } : world, heads, rows));
}

/** On a terminal the table is drawn anew; elsewhere each changed row is one more line. */
async function watch(session: Session, kind: Kind, options: GetOptions): Promise<void> {
  const { world } = session;
  const shown = new Map<string, string>();
  let answered = false;
  while (!world.interrupted.aborted) {
    const page = await (answered ? unlessAway(session, list(session, kind, options)) : list(session, kind, options));
    answered = true;
    if (page === undefined) continue;
    if (world.terminal && !session.asJson) {
      world.out('\x1b[H\x1b[2J');
      showList(session, kind, page);
    } else {
      showChanged(session, kind, { items: page.items, shown });
    }
    await pause(world, LOOK_EVERY_MS);
  }
}

/** Undefined: a gateway that answered before is away. It is asked again. */
async function unlessAway<T>(session: Session, look: Promise<T>): Promise<T | undefined> {
  try {
    return await look;
  } catch (error) {
    if (!(error instanceof Failure) || error.exitCode !== exit.unreachable) throw error;
    session.noteOnce(`warning: ${error.message}; asking again`);
    await pause(session.world, LOOK_EVERY_MS);
    return undefined;
  }
}

/** Ctrl-C is how a watch ends, in the midst of a look too. */
async function untilInterrupted(watching: Promise<void>): Promise<void> {
  await watching.catch((error: unknown) => {
    if (!(error instanceof Failure) || error.exitCode !== exit.interrupted) throw error;
  });
}

function showChanged(session: Session, kind: Kind, { items, shown }: { items: Row[]; shown: Map<string, string> }) {
  const changed = items.filter((row) => shown.get(idOf(kind, row)) !== lasting(row));
  for (const row of changed) shown.set(idOf(kind, row), lasting(row));
  if (session.asJson) changed.forEach((row) => session.jsonLine(row));
  else if (changed.length > 0) showRows(session, kind, { items: changed, now: session.world.now() });
}

/** A row without what changes at every look: ages and measured rates are no news. */
function lasting(row: Row): string {
  return JSON.stringify(row, (key, value: unknown) => (restless.has(key) ? undefined : value));
}

const restless = new Set([
  'silentMs',
  'suspicion',
  'lastHeartbeatAt',
  'load',
  'bytesPerSec',
  'qmpMs',
  'freeBytes',
  'ageMs',
  'lagMs',
  'lagEvents',
  'outboxOldestMs',
  'position',
  'asOf',
]);
