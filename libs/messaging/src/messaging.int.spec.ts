import { topics } from '@holdfast/contracts';
import type { EventStore } from '@holdfast/event-store';
import { InvariantBroken } from '@holdfast/kernel';
import { randomUUID } from 'node:crypto';
import { eventually, MessagingSuite, PARTITIONS } from './fixtures';
import type { Inbox } from './inbox';
import type { KafkaLink } from './kafka-link';
import { partitionOf } from './murmur2';
import type { EventHandlers } from './received';
import type { Relay } from './relay';
import { encodeEvent } from './wire';

const HEALTH = topics.health.name;
jest.setTimeout(180_000);

let suite: MessagingSuite;
let owner: { store: EventStore; relay: Relay; kafka: KafkaLink };
let hearer: EventStore;
let last = 0;

beforeAll(async () => {
  suite = await MessagingSuite.start();
  owner = await suite.owner();
  hearer = await suite.store('load-balancer');
  await hearer.query('create table effect (consumer text, stream text, version bigint, n serial)');
});

afterAll(() => suite?.stop());

/** A stream that no other test knows. */
const fresh = () => `cluster-health-s${++last}`;

const sightLost = () => ({
  type: 'ClusterSightLost',
  data: { clusterId: 'alpha', at: '2026-05-01T10:00:00.000Z', cause: 'broker' },
});

async function append(stream: string, count = 1): Promise<void> {
  const events = Array.from({ length: count }, sightLost);
  await owner.store.inTransaction(async (tx) => tx.append({ stream, partitionKey: stream, expected: null, events }));
}

/** Writes down what it was given, as a service's own rows. */
function noting(consumer: string): EventHandlers {
  return {
    ClusterSightLost: ({ stream, version }, tx) =>
      tx.query('insert into effect (consumer, stream, version) values ($1, $2, $3)', [consumer, stream, version]),
  };
}

async function effects(consumer: string, stream: string): Promise<number[]> {
  const rows = await hearer.query<{ version: number }>(
    'select version::int as version from effect where consumer = $1 and stream = $2 order by n',
    [consumer, stream],
  );
  return rows.map(({ version }) => version);
}

const upTo = (n: number) => Array.from({ length: n }, (_, at) => at + 1);
const applied = (consumer: string, stream: string, n: number) =>
  eventually(
    () => effects(consumer, stream),
    (versions) => versions.length >= n,
  );
const headOf = async (consumer: string, stream: string) =>
  (
    await hearer.query<{ version: number; state: string }>(
      'select version::int as version, state from inbox_head where consumer = $1 and stream = $2',
      [consumer, stream],
    )
  )[0];
const blocked = (consumer: string, stream: string) =>
  eventually(
    () => headOf(consumer, stream),
    (head) => head?.state === 'blocked',
  );
const said = async (consumer: string, type: string) =>
  (await hearer.read(`inbox-load-balancer-${consumer}`)).filter((event) => event.type === type);

/** A record that no store ever sent. */
function forge(stream: string, version: number, changes: Partial<Parameters<typeof encodeEvent>[0]> = {}) {
  const { type, data } = sightLost();
  const event = { stream, partitionKey: stream, version, id: randomUUID(), at: new Date().toISOString() };
  const meta = { correlationId: randomUUID() };
  const source = '/services/health-monitor';
  return encodeEvent({ ...event, type, schemaVersion: 1, dataText: JSON.stringify(data), meta, source, ...changes });
}
const send = (stream: string, record: ReturnType<typeof forge>) =>
  owner.kafka.send(HEALTH, partitionOf(stream, PARTITIONS), [record]);

/** What the gateway would append for an operator. */
async function ask(gateway: EventStore, type: string, about: { consumer: string; stream: string; version: number }) {
  const requestId = randomUUID();
  const data = {
    ...{ requestId, actor: { tokenId: randomUUID(), role: 'admin' }, service: 'load-balancer', reason: 'tried' },
    ...about,
  };
  await gateway.inTransaction(
    async (tx) =>
      tx.append({ stream: `request-${requestId}`, partitionKey: requestId, expected: 0, events: [{ type, data }] }),
    { context: { correlationId: requestId } },
  );
  return requestId;
}

it('carries every event from one service to another once, in stream order', async () => {
  const streams = Array.from({ length: 8 }, fresh);
  await suite.consumer({ store: hearer, consumer: 'flow', handlers: { [HEALTH]: noting('flow') } });
  for (let round = 0; round < 5; round++) for (const stream of streams) await append(stream, 4);

  for (const stream of streams) expect(await applied('flow', stream, 20)).toEqual(upTo(20));
  await eventually(
    () => owner.store.outbox(),
    ({ pending }) => pending === 0,
  );
});

it('applies once what was sent twice', async () => {
  const stream = fresh();
  await suite.consumer({ store: hearer, consumer: 'twice', handlers: { [HEALTH]: noting('twice') } });
  await append(stream, 3);
  await applied('twice', stream, 3);
  await owner.store.resend(stream, 1, 3);
  await append(stream);

  expect(await applied('twice', stream, 4)).toEqual(upTo(4));
});

it('delivers all that was acknowledged while the broker was killed and came back', async () => {
  const stream = fresh();
  await suite.consumer({ store: hearer, consumer: 'crash', handlers: { [HEALTH]: noting('crash') } });
  await append(stream, 5);
  await applied('crash', stream, 5);

  await suite.broker.kill();
  for (let one = 0; one < 5; one++) await append(stream);
  await suite.broker.restart();

  expect(await applied('crash', stream, 10)).toEqual(upTo(10));
});

it('asks for what a partition has lost, the last event too', async () => {
  const [lost, begun] = [fresh(), fresh()];
  await append(lost, 3);
  await append(begun, 2);
  await eventually(
    () => owner.store.outbox(),
    ({ pending }) => pending === 0,
  );
  await owner.kafka.admin(async (admin) => {
    const partitions = (await admin.fetchTopicOffsets(HEALTH)).map(({ partition, high: offset }) => ({
      partition,
      offset,
    }));
    await admin.deleteTopicRecords({ topic: HEALTH, partitions });
  });
  await append(begun, 1); // beyond a hole; of `lost` only the heads tell
  await suite.consumer({ store: hearer, consumer: 'holes', handlers: { [HEALTH]: noting('holes') } });

  expect(await applied('holes', begun, 3)).toEqual(upTo(3));
  expect(await applied('holes', lost, 3)).toEqual(upTo(3));
});

it('lets one relay of a context send, and the next take over when it ends', async () => {
  const second = suite.relay(await suite.store('health-monitor'), suite.link('second'));
  const stream = fresh();
  await suite.consumer({ store: hearer, consumer: 'relays', handlers: { [HEALTH]: noting('relays') } });
  await append(stream, 2);
  await applied('relays', stream, 2);
  const holders = await owner.store.query(
    `select pid from pg_locks where locktype = 'advisory' and granted and objid = hashtext('relay health')::oid`,
  );
  expect(holders).toHaveLength(1);

  await owner.relay.stop();
  await append(stream, 2);
  expect(await applied('relays', stream, 4)).toEqual(upTo(4));
  await second.stop();
  owner.relay = suite.relay(owner.store, owner.kafka);
});

it('shares the partitions between two members, and whoever comes second finds all seen', async () => {
  const streams = Array.from({ length: 6 }, fresh);
  const o = { store: hearer, consumer: 'members', handlers: { [HEALTH]: noting('members') } };
  const first = await suite.consumer(o);
  for (const stream of streams) await append(stream, 5);
  const second = suite.consumer({ ...o, store: await suite.store('load-balancer') });
  for (const stream of streams) await append(stream, 5);
  await second;
  await first.stop();
  for (const stream of streams) await append(stream, 5);

  for (const stream of streams) expect(await applied('members', stream, 15)).toEqual(upTo(15));
});

describe('a record that cannot be applied', () => {
  let gateway: EventStore;
  let inbox: Inbox;
  const failing = new Set<string>();
  const consumer = 'parking';

  beforeAll(async () => {
    gateway = await suite.store('gateway');
    suite.relay(gateway, suite.link('gateway'));
    const handlers: EventHandlers = {
      ClusterSightLost: async (event, tx) => {
        if (failing.has(`${event.stream}@${event.version}`)) throw new RangeError('no such shelf');
        if (failing.has(`${event.stream}@${event.version}!`)) throw new InvariantBroken('two owners');
        await noting(consumer).ClusterSightLost!(event, tx);
      },
    };
    ({ inbox } = await suite.consumer({
      store: hearer,
      consumer,
      handlers: { [HEALTH]: handlers, [topics.requests.name]: {} },
    }));
  });

  it('stops its own stream after five attempts, and goes on when retried', async () => {
    const [bad, good] = [fresh(), fresh()];
    failing.add(`${bad}@2`);
    await append(bad, 4);
    await append(good, 3);

    expect(await applied(consumer, good, 3)).toEqual(upTo(3));
    await blocked(consumer, bad);
    expect(await effects(consumer, bad)).toEqual([1]);
    const [parked] = (await said(consumer, 'EventParked')).filter(
      ({ data }) => (data as { stream: string }).stream === bad,
    );
    expect(parked!.data).toMatchObject({ version: 2, code: 'HANDLER_FAILED', attempts: 5, message: 'no such shelf' });
    expect(await inbox.parked()).toContainEqual(
      expect.objectContaining({ stream: bad, version: 2, code: 'HANDLER_FAILED' }),
    );

    failing.clear();
    const requestId = await ask(gateway, 'ParkedEventRetryRequested', { consumer, stream: bad, version: 2 });
    expect(await applied(consumer, bad, 4)).toEqual(upTo(4));
    const [resumed] = await eventually(
      () => said(consumer, 'ParkedStreamResumed'),
      (events) => events.length === 1,
    );
    expect(resumed).toMatchObject({
      meta: { correlationId: requestId },
      data: { throughVersion: 4, events: 3, requestId },
    });
    expect(await headOf(consumer, bad)).toEqual({ version: 4, state: 'flowing' });
  });

  it('stops at once where an invariant is broken, and passes over what is skipped', async () => {
    const stream = fresh();
    failing.add(`${stream}@1!`);
    await append(stream, 3);
    await blocked(consumer, stream);

    await ask(gateway, 'ParkedEventSkipRequested', { consumer, stream, version: 2 });
    await eventually(
      () => said(consumer, 'ParkedEventActionRejected'),
      (events) => events.length === 1,
    );
    await ask(gateway, 'ParkedEventSkipRequested', { consumer, stream, version: 1 });
    expect(await applied(consumer, stream, 2)).toEqual([2, 3]);
    expect(await said(consumer, 'ParkedEventSkipped')).toHaveLength(1);
    const [rejected] = await said(consumer, 'ParkedEventActionRejected');
    expect(rejected!.data).toMatchObject({ stream, reason: 'notFirst' });
  });

  it('is not skipped after a fork: the stream is reloaded from its owner', async () => {
    const stream = fresh();
    await append(stream, 2);
    await applied(consumer, stream, 2);
    await send(stream, forge(stream, 2));
    await blocked(consumer, stream);
    await append(stream);

    const before = (await said(consumer, 'ParkedEventActionRejected')).length;
    await ask(gateway, 'ParkedEventSkipRequested', { consumer, stream, version: 2 });
    const rejected = await eventually(
      () => said(consumer, 'ParkedEventActionRejected'),
      (all) => all.length > before,
    );
    expect(rejected.at(-1)!.data).toMatchObject({ stream, reason: 'forked' });

    await ask(gateway, 'ParkedStreamReloadRequested', { consumer, stream, version: 2 });
    expect(await applied(consumer, stream, 5)).toEqual([1, 2, 1, 2, 3]);
    await eventually(
      () => headOf(consumer, stream),
      (head) => head?.state === 'flowing',
    );
  });

  it('stops its stream when its type or its version is newer than this build', async () => {
    const [newer, unheardOf] = [fresh(), fresh()];
    await send(newer, forge(newer, 1, { schemaVersion: 99 }));
    await send(unheardOf, forge(unheardOf, 1, { type: 'NobodyKnows' }));
    for (const stream of [newer, unheardOf]) await blocked(consumer, stream);
    const codes = (await inbox.parked())
      .filter(({ stream }) => [newer, unheardOf].includes(stream))
      .map(({ code }) => code);
    expect(codes).toEqual(['EVENT_UNKNOWN', 'EVENT_UNKNOWN']);
  });

  it('stops its stream when it is not what its contract says', async () => {
    const stream = fresh();
    await send(stream, forge(stream, 1, { dataText: '{"clusterId":7}' }));
    await blocked(consumer, stream);
    const rows = (await inbox.parked()).filter((row) => row.stream === stream);
    expect(rows).toMatchObject([{ code: 'EVENT_INVALID', version: 1 }]);
  });

  it('stops no stream when it is forged, and the real event is applied', async () => {
    const stream = fresh();
    await send(stream, forge(stream, 1, { source: '/services/load-balancer' }));
    await append(stream, 2);

    expect(await applied(consumer, stream, 2)).toEqual(upTo(2));
    const invalid = (await inbox.parked()).filter(({ code }) => code === 'RECORD_INVALID');
    expect(invalid).toMatchObject([{ message: expect.stringContaining('may not speak') }]);
  });

  it('that the owner does not have is missed for good: the stream stops, and says so', async () => {
    const stream = fresh();
    await send(stream, forge(stream, 5));
    await blocked(consumer, stream);
    const first = (await inbox.parked()).find((row) => row.stream === stream);
    expect(first).toMatchObject({ version: 1, code: 'HISTORY_MISSING' });
  });
});
