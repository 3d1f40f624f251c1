import { roleOf } from '@holdfast/contracts';
import * as fc from 'fast-check';
import type { Client } from 'pg';
import { append, type StagedStream, type Verdict } from './append';
import { loggedIn, sightLost, type StoreSuite, storeSuite } from './fixtures';
import { uuidV5 } from './uuid';

/** One entry of a call: a stream, what is expected of it, how many events, and which id the last one has. */
interface Entry {
  stream: number;
  expected: number | null;
  events: number;
  lastId: number;
}

const entry = fc.record<Entry>({
  stream: fc.nat({ max: 3 }),
  expected: fc.oneof(fc.constant(null), fc.constant(-1), fc.nat({ max: 6 })),
  events: fc.integer({ min: 1, max: 3 }),
  lastId: fc.nat({ max: 12 }),
});
/** Each stream at most once in a call. */
const call = fc.uniqueArray(entry, { minLength: 1, maxLength: 3, selector: ({ stream }) => stream });

/** What es.append promises, in a few lines: the stream is the list of its events' ids. */
class Model {
  readonly streams = new Map<number, string[]>();

  append(entries: readonly (Entry & { ids: string[] })[]): Verdict[] {
    const judged = entries.map(({ stream, expected, ids }) => {
      const held = this.streams.get(stream) ?? [];
      const earlier = held.indexOf(ids.at(-1) as string) + 1;
      const fits = expected === null || expected === held.length || (expected === -1 && held.length > 0);
      // A head is born for those alone that may be a stream's beginning.
      const exists = held.length > 0 || expected === null || expected === 0;
      return { stream, ids, held, earlier, go: fits && exists && earlier === 0 };
    });
    const go = judged.every((verdict) => verdict.go);
    if (go) for (const { stream, ids, held } of judged) this.streams.set(stream, [...held, ...ids]);
    return judged.map(({ ids, held, earlier }) => {
      if (earlier > 0) return { outcome: 'repeated', version: earlier };
      return go
        ? { outcome: 'appended', version: held.length + ids.length }
        : { outcome: 'conflict', version: held.length };
    });
  }
}

describe('es.append', () => {
  let suite: StoreSuite;
  let client: Client;
  let run = 0;

  beforeAll(async () => {
    suite = await storeSuite();
    client = await loggedIn(suite.url, roleOf('health-monitor'));
  });

  afterAll(async () => {
    await client.end();
    await suite.stop();
  });

  it('does as its model does, for any row of calls', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 12 }), async (calls) => {
        run += 1;
        const model = new Model();
        const key = (stream: number) => `cluster-health-${run}-${stream}`;
        for (const [nth, entries] of calls.entries()) {
          const named = entries.map((one) => ({ ...one, ids: idsOf(one, { run, nth }) }));
          const staged = named.map(({ stream, expected, ids }) => stagedOf(key(stream), expected, ids));
          expect(await append(client, staged)).toEqual(model.append(named).map(asRow));
        }
        for (const [stream, ids] of model.streams) expect(await idsIn(client, key(stream))).toEqual(ids);
        expect(await headsOf(client, run)).toBe(model.streams.size);
      }),
      { numRuns: 60 },
    );
  });

  it('leaves exactly one outbox row for each event', async () => {
    const { rows } = await client.query(
      `select (select count(*) from es.event_health) = count(*) as equal, count(distinct gpos) = count(*) as once
       from es.outbox_health join es.event_health using (gpos)`,
    );
    expect(rows).toEqual([{ equal: true, once: true }]);
  });
});

/** The last id is drawn from a few per stream, so that calls repeat; the others are new each time. */
function idsOf({ stream, events, lastId }: Entry, { run, nth }: { run: number; nth: number }): string[] {
  const fillers = Array.from({ length: events - 1 }, (_, index) => uuidV5(`${run} ${nth} ${stream} ${index}`));
  return [...fillers, uuidV5(`${run} ${stream} last ${lastId}`)];
}

function stagedOf(stream: string, expected: number | null, ids: string[]): StagedStream {
  const { type, data } = sightLost();
  const meta = { correlationId: ids[0] as string, causationId: ids[0] as string };
  const events = ids.map((id) => ({ id, type, schemaVersion: 1, dataText: JSON.stringify(data), meta }));
  return { stream, partitionKey: 'alpha', expected, events };
}

/** A plain client leaves a bigint as text. */
function asRow({ outcome, version }: Verdict): object {
  return { outcome, version: String(version) };
}

async function idsIn(client: Client, stream: string): Promise<string[]> {
  const { rows } = await client.query<{ id: string; version: string; at: number }>(
    `select e.id, e.version, row_number() over (order by e.gpos) as at
     from es.stream_health s join es.event_health e using (stream_no) where s.key = $1 order by e.version`,
    [stream],
  );
  // Dense, and sent in the order of versions.
  rows.forEach(({ version, at }, index) => expect([version, String(at)]).toEqual([`${index + 1}`, `${index + 1}`]));
  return rows.map(({ id }) => id);
}

async function headsOf(client: Client, run: number): Promise<number> {
  const { rowCount } = await client.query(`select from es.stream_health where key like $1`, [
    `cluster-health-${run}-%`,
  ]);
  return rowCount ?? 0;
}
