import { HEALTH, Stage, upTo } from './stage.fixture';

jest.setTimeout(180_000);

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.set();
});
afterAll(() => stage?.stop());

it('carries every event from one service to another once, in stream order', async () => {
  const streams = Array.from({ length: 8 }, () => stage.fresh());
  await stage.listener('flow');
  for (let round = 0; round < 5; round++) for (const stream of streams) await stage.append(stream, 4);

  for (const stream of streams) expect(await stage.applied('flow', stream, 20)).toEqual(upTo(20));
  await stage.allSent();
});

it('applies once what was sent twice', async () => {
  const stream = stage.fresh();
  await stage.listener('twice');
  await stage.append(stream, 3);
  await stage.applied('twice', stream, 3);
  await stage.owner.store.resend(stream, 1, 3);
  await stage.append(stream);

  expect(await stage.applied('twice', stream, 4)).toEqual(upTo(4));
});

it('asks for what a partition has lost, the last event too', async () => {
  const [lost, begun] = [stage.fresh(), stage.fresh()];
  await stage.append(lost, 3);
  await stage.append(begun, 2);
  await stage.allSent();
  await stage.owner.kafka.admin(async (admin) => {
    const partitions = (await admin.fetchTopicOffsets(HEALTH)).map(({ partition, high: offset }) => ({
      partition,
      offset,
    }));
    await admin.deleteTopicRecords({ topic: HEALTH, partitions });
  });
  await stage.append(begun, 1); // beyond a hole; of `lost` only the heads tell
  await stage.listener('holes');

  expect(await stage.applied('holes', begun, 3)).toEqual(upTo(3));
  expect(await stage.applied('holes', lost, 3)).toEqual(upTo(3));
});

it('lets one relay of a context send, and the next take over when it ends', async () => {
  const second = stage.suite.relay(await stage.suite.store('health-monitor'), stage.suite.link('second'));
  const stream = stage.fresh();
  await stage.listener('relays');
  await stage.append(stream, 2);
  await stage.applied('relays', stream, 2);
  const holders = await stage.owner.store.query(
    `select pid from pg_locks where locktype = 'advisory' and granted and objid = hashtext('relay health')::oid`,
  );
  expect(holders).toHaveLength(1);

  await stage.owner.relay.stop();
  await stage.append(stream, 2);
  expect(await stage.applied('relays', stream, 4)).toEqual(upTo(4));
  await second.stop();
  stage.owner.relay = stage.suite.relay(stage.owner.store, stage.owner.kafka);
});

it('shares the partitions between two members, and whoever comes second finds all seen', async () => {
  const streams = Array.from({ length: 6 }, () => stage.fresh());
  const first = await stage.listener('members');
  for (const stream of streams) await stage.append(stream, 5);
  const second = stage.listener('members', await stage.suite.store('load-balancer'));
  for (const stream of streams) await stage.append(stream, 5);
  await second;
  await first.stop();
  for (const stream of streams) await stage.append(stream, 5);

  for (const stream of streams) expect(await stage.applied('members', stream, 15)).toEqual(upTo(15));
});
