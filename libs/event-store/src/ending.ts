import type { ClientBase } from 'pg';
import { append, type StagedStream, type Verdict } from './append';
import { StreamConflict } from './errors';
import type { Reading } from './reading';
import type { FoldedStream, TimerChange, Transaction } from './transaction';

/** Everything that a transaction writes at its end, in one order for all. False: it was all written earlier. */
export async function writeAll(client: ClientBase, tx: Transaction, parts: { call: StagedStream[]; reading: Reading }) {
  const { call, reading } = parts;
  const { folded, timers } = tx.gathered;
  const verdicts = call.length > 0 ? await append(client, call) : [];
  if (verdicts.some(({ outcome }) => outcome === 'repeated')) return false;
  refuseConflict(call, verdicts);
  await proveCurrent(tx, reading);
  for (const change of timers.values()) await writeTimer(tx, change);
  for (const [stream, state] of folded) if (state.snapshot) await writeSnapshot(tx, { stream, ...state });
  return true;
}

/** One conflict refuses all streams of the call. Told is the one that caused it. */
function refuseConflict(call: readonly StagedStream[], verdicts: readonly Verdict[]): void {
  if (verdicts.every(({ outcome }) => outcome === 'appended')) return;
  const judged = call.map(({ stream, expected }, index) => ({
    stream,
    expected,
    actual: verdicts[index]?.version ?? 0,
  }));
  throw new StreamConflict(judged.find((entry) => !fits(entry)) ?? (judged[0] as (typeof judged)[number]));
}

function fits({ expected, actual }: { expected: number | null; actual: number }): boolean {
  return expected === null || expected === actual || (expected === -1 && actual > 0);
}

/** A decision to do nothing has no expected version to fail on: what it was made upon is compared here. */
async function proveCurrent(tx: Transaction, reading: Reading): Promise<void> {
  const believed = [...tx.gathered.folded].filter(([stream]) => !tx.gathered.streams.has(stream));
  if (believed.length === 0) return;
  const keys = believed.map(([stream]) => stream);
  const heads = await reading.versions(keys, tx);
  for (const [stream, { version }] of believed) {
    const actual = heads.get(stream) ?? 0;
    if (actual !== version) throw new StreamConflict({ stream, expected: version, actual });
  }
}

async function writeTimer(tx: Transaction, timer: TimerChange): Promise<void> {
  const { stream, name, dueAt, command, context } = timer;
  if (dueAt === null) {
    await tx.query('delete from timer where stream = $1 and name = $2', [stream, name]);
    return;
  }
  await tx.query(
    `insert into timer (stream, name, due_at, command, context) values ($1, $2, $3, $4, $5)
     on conflict (stream, name) do update
       set due_at = excluded.due_at, command = excluded.command, context = excluded.context`,
    [stream, name, dueAt, JSON.stringify(command), JSON.stringify(context)],
  );
}

async function writeSnapshot(tx: Transaction, { stream, version, state, snapshot }: FoldedStream & { stream: string }) {
  await tx.query(
    `insert into snapshot (stream, version, shape, state) values ($1, $2, $3, $4)
     on conflict (stream) do update
       set version = excluded.version, shape = excluded.shape, state = excluded.state`,
    [stream, version, snapshot?.shape, JSON.stringify(state)],
  );
}
