import { ClusterSightLost, topics } from '@holdfast/contracts';
import type { EventStore } from '@holdfast/event-store';
import { InvariantBroken } from '@holdfast/kernel';
import { randomUUID } from 'node:crypto';
import { eventually, PARTITIONS } from './fixtures';
import type { Inbox } from './inbox';
import { partitionOf } from './murmur2';
import type { EventHandlers } from './received';
import { forge, HEALTH, noting, Stage, upTo } from './stage.fixture';
import type { WireRecord } from './wire';

jest.setTimeout(180_000);

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.set();
});
afterEach(() => jest.restoreAllMocks());
afterAll(() => stage?.stop());

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

/** Records that nobody may act on, the newest first. */
const kept = (consumer: string) =>
  stage.hearer.query<{ message: string; offset: number }>(
    `select message, record_offset::int as offset from inbox_parked
      where consumer = $1 and code = 'RECORD_INVALID' order by parked_at desc, version desc`,
    [consumer],
  );

describe('a record that cannot be applied', () => {
  let gateway: EventStore;
  let inbox: Inbox;
  const failing = new Set<string>();
  const unspeakable = new Set<string>();
  const consumer = 'parking';

  beforeAll(async () => {
    gateway = await stage.suite.store('gateway');
    stage.suite.relay(gateway, stage.suite.link('gateway'));
    const handlers: EventHandlers = {
      ClusterSightLost: async (event, tx) => {
        if (failing.has(`${event.stream}@${event.version}`)) throw new RangeError('no such shelf');
        if (unspeakable.has(event.stream)) throw new RangeError('no such \0 shelf');
        if (failing.has(`${event.stream}@${event.version}!`)) throw new InvariantBroken('two owners');
        await noting(consumer).ClusterSightLost!(event, tx);
      },
    };
    ({ inbox } = await stage.suite.consumer({
      store: stage.hearer,
      consumer,
      handlers: { [HEALTH]: handlers, [topics.requests.name]: {} },
    }));
  });

  it('stops its own stream after five attempts, and goes on when retried', async () => {
    const [bad, good] = [stage.fresh(), stage.fresh()];
    failing.add(`${bad}@2`);
    await stage.append(bad, 4);
    await stage.append(good, 3);

    expect(await stage.applied(consumer, good, 3)).toEqual(upTo(3));
    await stage.becomes('blocked', consumer, bad);
    expect(await stage.effects(consumer, bad)).toEqual([1]);
    const [parked] = (await stage.said(consumer, 'EventParked')).filter(
      ({ data }) => (data as { stream: string }).stream === bad,
    );
    expect(parked!.data).toMatchObject({ version: 2, code: 'HANDLER_FAILED', attempts: 5, message: 'no such shelf' });
    expect(await inbox.parked()).toContainEqual(
      expect.objectContaining({ stream: bad, version: 2, code: 'HANDLER_FAILED' }),
    );

    failing.clear();
    const requestId = await ask(gateway, 'ParkedEventRetryRequested', { consumer, stream: bad, version: 2 });
    expect(await stage.applied(consumer, bad, 4)).toEqual(upTo(4));
    const [resumed] = await eventually(
      () => stage.said(consumer, 'ParkedStreamResumed'),
      (events) => events.length === 1,
    );
    expect(resumed).toMatchObject({
      meta: { correlationId: requestId },
      data: { throughVersion: 4, events: 3, requestId },
    });
    expect(await stage.headOf(consumer, bad)).toEqual({ version: 4, state: 'flowing' });
  });

  it('stops at once where an invariant is broken, and passes over what is skipped', async () => {
    const stream = stage.fresh();
    failing.add(`${stream}@1!`);
    await stage.append(stream, 3);
    await stage.becomes('blocked', consumer, stream);

    await ask(gateway, 'ParkedEventSkipRequested', { consumer, stream, version: 2 });
    await eventually(
      () => stage.said(consumer, 'ParkedEventActionRejected'),
      (events) => events.length === 1,
    );
    await ask(gateway, 'ParkedEventSkipRequested', { consumer, stream, version: 1 });
    expect(await stage.applied(consumer, stream, 2)).toEqual([2, 3]);
    expect(await stage.said(consumer, 'ParkedEventSkipped')).toHaveLength(1);
    const [rejected] = await stage.said(consumer, 'ParkedEventActionRejected');
    expect(rejected!.data).toMatchObject({ stream, reason: 'notFirst' });
  });

  it('is not skipped after a fork: the stream is reloaded from its owner', async () => {
    const stream = stage.fresh();
    await stage.append(stream, 2);
    await stage.applied(consumer, stream, 2);
    await stage.send(stream, forge(stream, 2));
    await stage.becomes('blocked', consumer, stream);
    await stage.append(stream);

    const before = (await stage.said(consumer, 'ParkedEventActionRejected')).length;
    await ask(gateway, 'ParkedEventSkipRequested', { consumer, stream, version: 2 });
    const rejected = await eventually(
      () => stage.said(consumer, 'ParkedEventActionRejected'),
      (all) => all.length > before,
    );
    expect(rejected.at(-1)!.data).toMatchObject({ stream, reason: 'forked' });

    await ask(gateway, 'ParkedStreamReloadRequested', { consumer, stream, version: 2 });
    expect(await stage.applied(consumer, stream, 5)).toEqual([1, 2, 1, 2, 3]);
    await stage.becomes('flowing', consumer, stream);
  });

  it('stops its stream when its type or its version is newer than this build', async () => {
    const [newer, unheardOf] = [stage.fresh(), stage.fresh()];
    await stage.send(newer, forge(newer, 1, { schemaVersion: 99 }));
    await stage.send(unheardOf, forge(unheardOf, 1, { type: 'NobodyKnows' }));
    for (const stream of [newer, unheardOf]) await stage.becomes('blocked', consumer, stream);
    const codes = (await inbox.parked())
      .filter(({ stream }) => [newer, unheardOf].includes(stream))
      .map(({ code }) => code);
    expect(codes).toEqual(['EVENT_UNKNOWN', 'EVENT_UNKNOWN']);
  });

  it('is applied, with all behind it, once a build that knows it starts', async () => {
    const stream = stage.fresh();
    await stage.append(stream, 3);
    jest.replaceProperty(ClusterSightLost, 'version', 0); // for a build that is older than the event
    const old = await stage.listener('builds');
    await stage.becomes('blocked', 'builds', stream);
    const first = { stream, version: 1, code: 'EVENT_UNKNOWN' };
    expect(await old.inbox.parked()).toContainEqual(expect.objectContaining(first));
    await old.stop();

    jest.restoreAllMocks();
    await stage.listener('builds');
    expect(await stage.applied('builds', stream, 3)).toEqual(upTo(3));
    await stage.becomes('flowing', 'builds', stream);
  });

  it('stops its stream when it is not what its contract says', async () => {
    const stream = stage.fresh();
    await stage.send(stream, forge(stream, 1, { dataText: '{"clusterId":7}' }));
    await stage.becomes('blocked', consumer, stream);
    const rows = (await inbox.parked()).filter((row) => row.stream === stream);
    expect(rows).toMatchObject([{ code: 'EVENT_INVALID', version: 1 }]);
  });

  it('stops no stream when it is forged, and the real event is applied', async () => {
    const stream = stage.fresh();
    await stage.send(stream, forge(stream, 1, { source: '/services/load-balancer' }));
    await stage.append(stream, 2);

    expect(await stage.applied(consumer, stream, 2)).toEqual(upTo(2));
    expect(await kept(consumer)).toMatchObject([{ message: expect.stringContaining('may not speak') }]);
    expect((await inbox.parked()).map(({ code }) => code)).not.toContain('RECORD_INVALID');
  });

  it('stops nothing when it is not even a record: its neighbours are applied', async () => {
    const [bad, good] = [stage.fresh(), stage.fresh()];
    const before = (await kept(consumer)).length;
    const key = { partitionKey: good };
    await stage.send(good, forge(bad, 1, { ...key, id: '-'.repeat(36) }));
    await stage.send(good, forge(bad, 1, { ...key, dataText: '{"clusterId":"\\u0000"}' }));
    await stage.append(good, 2);
    expect(await stage.applied(consumer, good, 2)).toEqual(upTo(2));
    expect(await kept(consumer)).toHaveLength(before + 2);
  });

  it('stops its stream without its words when PostgreSQL refuses them', async () => {
    const [bad, good] = [stage.fresh(), stage.fresh()];
    unspeakable.add(bad);
    await stage.append(bad, 1);
    await stage.becomes('blocked', consumer, bad);
    await stage.append(good, 1);
    expect(await stage.applied(consumer, good, 1)).toEqual([1]);
    const first = (await inbox.parked()).find(({ stream }) => stream === bad);
    expect(first).toMatchObject({ code: 'HANDLER_FAILED', message: 'it could not be parked as it is' });
  });

  it('is kept among the newest 1,000 that nobody may act on, while all are counted', async () => {
    const stream = stage.fresh();
    const partition = partitionOf(stream, PARTITIONS);
    const forged = forge(stream, 1, { source: '/services/load-balancer' });
    await stage.owner.kafka.send(HEALTH, partition, Array(1_200).fill(forged) as WireRecord[]);
    await stage.append(stream, 1);
    expect(await stage.applied(consumer, stream, 1)).toEqual([1]);
    const rows = await kept(consumer);
    expect(rows).toHaveLength(1_000);
    expect(rows[0]!.offset).toBe(rows[999]!.offset + 999);
  });

  it('that the owner does not have is missed for good: the stream stops, and says so', async () => {
    const stream = stage.fresh();
    await stage.send(stream, forge(stream, 5));
    await stage.becomes('blocked', consumer, stream);
    const first = (await inbox.parked()).find((row) => row.stream === stream);
    expect(first).toMatchObject({ version: 1, code: 'HISTORY_MISSING' });
  });
});
