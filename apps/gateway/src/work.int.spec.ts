import { problems } from './http/problem';
import { badInput } from './testing/bad-input';
import { GatewaySuite, node, system } from './testing/gateway-suite';
import { AT } from './testing/told';
import * as work from './testing/work';

/** Work that survives its node, as callers of the API see it: the real gateway, and somebody who decides. */
let suite: GatewaySuite;
const MIB = 2 ** 20;

beforeAll(async () => {
  suite = await GatewaySuite.start();
  await suite.post('/v1/clusters', { clusterId: 'beta', name: 'Beta', addressRanges: ['127.9.2.0/24'] });
  await suite.post('/v1/nodes', node('n1', 1));
  await suite.post('/v1/nodes', node('n2', 2));
  const { body } = await suite.post('/v1/systems', system('s1'));
  await suite.serve('s1', body.operation.id);
  await suite.get(`/v1/operations/${body.operation.id}?wait=30`);
}, 120_000);
afterAll(() => suite?.stop(), 60_000);

const read = async (path: string) => (await suite.get(path)).body as unknown as Record<string, unknown>;
const shows = (path: string, fields: Record<string, unknown>) =>
  suite.until(
    () => read(path),
    (shown) => Object.entries(fields).every(([name, value]) => JSON.stringify(shown[name]) === JSON.stringify(value)),
  );

/** The request itself, once it has come round. */
async function firstOf(correlation: string): Promise<object> {
  const events = () => suite.get(`/v1/events?correlation=${correlation}`);
  return (await suite.until(events, ({ body }) => body.items.length > 0)).body.items[0]!;
}

/** The same event of another task: that of this request. */
const of = (taskId: string, { type, data }: { type: string; data: unknown }) => ({
  type,
  data: JSON.parse(JSON.stringify(data).replaceAll('"t-1"', `"${taskId}"`)) as object,
});

async function submitted(body: object): Promise<{ id: string; taskId: string }> {
  const answer = await suite.post('/v1/tasks', body);
  expect(answer).toMatchObject({ status: 202, body: { operation: { state: 'queued' } } });
  const { id, subject } = answer.body.operation as { id: string; subject?: string };
  expect(subject).toMatch(/^task\/t-[0-9a-f]{12}$/);
  return { id, taskId: subject!.slice('task/'.length) };
}

/** A snapshot of s1 under this point, until its task runs. */
async function running(): Promise<{ id: string; taskId: string }> {
  const asked = await submitted({ kind: 'snapshot', systemId: 's1', pointId: 'p-1' });
  const events = [work.snapshotAdmitted, work.pointOrdered, work.pointConfirmed, work.workAssigned('n1', 1)];
  const told = [...events, work.workStarted('n1', 1), work.checkpointed('n1', 1, 48)];
  await suite.decide(
    asked.id,
    ...told.map((event) =>
      of(asked.taskId, { ...event, data: { ...(event.data as object), ...answering(event, asked) } }),
    ),
  );
  await shows(`/v1/tasks/${asked.taskId}`, { state: 'running', doneBytes: 48 * MIB });
  await shows(`/v1/operations/${asked.id}`, { state: 'running' });
  return asked;
}
const answering = ({ data }: { data: unknown }, { id }: { id: string }) =>
  'requestId' in (data as object) ? { requestId: id } : {};

describe('a task', () => {
  let asked: { id: string; taskId: string };
  let before: number;

  it('is followed from its request over its rate to the backup that it makes', async () => {
    asked = await running();
    const { taskId, id } = asked;
    suite.observe({ nodeId: 'n1', taskId, epoch: 1, doneBytes: 64 * MIB, totalBytes: 128 * MIB, bytesPerSec: 8 * MIB });
    expect(await shows(`/v1/tasks/${taskId}`, { doneBytes: 64 * MIB })).toMatchObject({
      ...{ kind: 'snapshot', subject: 'system/s1', nodeId: 'n1', epoch: 1, totalBytes: 128 * MIB },
      bytesPerSec: 8 * MIB,
    });
    expect(await read(`/v1/operations/${id}`)).toMatchObject({
      ...{ state: 'running', phase: 'running', kind: 'TaskRequested' },
      progress: { done: 64 * MIB, total: 128 * MIB, unit: 'bytes', perSec: 8 * MIB, etaSec: { p50: 8, p90: 8 } },
      links: { subject: `/v1/tasks/${taskId}` },
    });
  });

  it('has no rate in the past', async () => {
    const { asOf } = (await read('/v1/tasks')) as { asOf: { position: number } };
    before = asOf.position;
    expect(await read(`/v1/tasks/${asked.taskId}?asOf=${before}`)).toMatchObject({
      ...{ state: 'running', doneBytes: 48 * MIB, bytesPerSec: null },
    });
  });

  it('moves with its node’s end, and why tells at which attempt and from where it goes on', async () => {
    const { taskId, id } = asked;
    const resume = { fromEpoch: 1, token: null, doneBytes: 48 * MIB };
    const moved = [work.workMoved(['n1', 'n2'], 2, { resume }), work.workStarted('n2', 2)];
    await suite.decide(id, ...moved.map((event) => of(taskId, event)));
    await shows(`/v1/tasks/${taskId}`, { state: 'running', nodeId: 'n2' });
    expect(await read(`/v1/tasks/${taskId}/why`)).toMatchObject({
      headline: expect.stringMatching(/^running on n2, epoch 2: resumed at 48 of 128 MiB, nodeDown from n1/),
    });
    expect((await suite.get('/v1/systems/s1/why')).body).toMatchObject({
      headline: expect.stringMatching(/^served by n1 .* epoch 1/),
    });
    expect(await read('/v1/systems/s1')).toMatchObject({ nodeId: 'n1', epoch: 1, serving: { state: 'served' } });
    expect(await read('/v1/nodes/n2')).toMatchObject({ placement: { tasks: 1, systems: 0 } });
  });

  it('ends with its result, and what it made is a backup', async () => {
    const { taskId, id } = asked;
    await suite.decide(id, of(taskId, work.snapshotCompleted('n2', 2)));
    expect((await suite.get(`/v1/operations/${id}?wait=10`)).body).toMatchObject({
      ...{ state: 'succeeded', result: { manifest: work.MANIFEST } },
    });
    const backup = { backupId: 's1/p-1', systemId: 's1', pointId: 'p-1', at: AT, bytes: 96 * MIB, restorable: true };
    expect((await suite.get('/v1/backups?systemId=s1')).body.items).toMatchObject([backup]);
    expect(await read('/v1/backups/s1/p-1')).toMatchObject({ ...backup, state: 'ready', reason: null });
    expect(await read('/v1/backups/s1/p-1/why')).toMatchObject({ headline: expect.stringMatching(/^restorable/) });
    expect((await suite.get(`/v1/backups?asOf=${before}`)).body.items).toEqual([]);
    expect((await suite.get('/v1/backups/s1/p-1/history')).body.items).not.toEqual([]);
  });

  it('is listed by state, kind, subject and node; serve tasks when they are asked for', async () => {
    const idsOf = async (query: string) => (await suite.get(`/v1/tasks?${query}`)).body.items.map((one) => one.taskId);
    const { taskId } = asked;
    for (const query of ['', 'state=completed', 'kind=snapshot', 'subject=system/s1', 'nodeId=n2'])
      expect(await idsOf(query)).toEqual([taskId]);
    for (const query of ['state=running', 'kind=scrub', 'nodeId=n1']) expect(await idsOf(query)).toEqual([]);
    expect(await suite.get('/v1/tasks?state=bogus')).toMatchObject({ status: 400 });
  });

  it('on a backup is told from the system that the backup is of', async () => {
    const scrub = await submitted({ kind: 'scrub', systemId: 's1', pointId: 'p-1' });
    expect(await firstOf(scrub.id)).toMatchObject({
      ...{ type: 'TaskRequested', data: { kind: 'scrub', pointId: 'p-1', clusterId: 'alpha', taskId: scrub.taskId } },
    });
    await suite.decide(scrub.id, work.scrubCompleted(1));
    await shows('/v1/backups/s1/p-1', { restorable: false });
    expect(await read('/v1/backups/s1/p-1')).toMatchObject({ lastScrub: { clean: false, damagedPieces: 1 } });
  });
});

describe('a plan', () => {
  const drain = { action: 'start', deadlineMs: 600_000 };
  const answer = (id: string, event: { type: string; data: unknown }) => {
    const data = { ...(event.data as object), requestId: id };
    return suite.tell({ stream: `placement-plan-${id}`, partitionKey: 'alpha' }, id, [{ type: event.type, data }]);
  };
  const ended = (id: string) => suite.get(`/v1/operations/${id}?wait=10`);

  async function planned(digest: string, expiresAt: string): Promise<string> {
    const { status, body } = await suite.post('/v1/nodes/n1/drain?dryRun=true', drain);
    expect([status, body.operation.state]).toEqual([202, 'queued']);
    await answer(body.operation.id, work.drainPlanned(digest, expiresAt));
    return body.operation.id;
  }
  const inTenMinutes = () => new Date(Date.now() + 600_000).toISOString();

  it('is the result of its operation, and told with how long it holds', async () => {
    const expiresAt = inTenMinutes();
    const id = await planned('digest-1', expiresAt);
    expect((await ended(id)).body).toMatchObject({
      ...{ state: 'planned', subject: 'node/n1', reason: null },
      result: { planDigest: 'digest-1', steps: [], findings: [], reconnects: 1, expiresAt },
    });
    expect(await firstOf(id)).toMatchObject({
      type: 'NodeDrainRequested',
      data: { dryRun: true, nodeId: 'n1', action: 'start' },
    });
  });

  it('that is another when it is applied is refused, showing both', async () => {
    const { body } = await suite.post('/v1/nodes/n1/drain', { ...drain, planDigest: 'digest-1' });
    const rejected = work.drainRejected('PLAN_CHANGED', work.plan('digest-2'));
    await answer(body.operation.id, { ...rejected, data: { ...(rejected.data as object), planDigest: 'digest-1' } });
    expect((await ended(body.operation.id)).body).toMatchObject({
      ...{ state: 'refused', reason: { code: 'PLAN_CHANGED' } },
      result: { asked: { planDigest: 'digest-1' }, now: { planDigest: 'digest-2' } },
    });
  });

  it('is not applied once it is too old, and may be once it was made anew', async () => {
    await ended(await planned('digest-3', AT));
    const apply = () => suite.post('/v1/nodes/n1/drain', { ...drain, planDigest: 'digest-3' });
    expect(await apply()).toMatchObject({ status: 409, body: { code: 'PLAN_EXPIRED', subject: 'node/n1' } });
    await ended(await planned('digest-3', inTenMinutes()));
    expect(await apply()).toMatchObject({ status: 202 });
    expect(await suite.post('/v1/nodes/n1/drain', { ...drain, planDigest: 'unheard-of' })).toMatchObject({
      status: 202,
    });
  });

  it('of a loss may be asked for by a viewer', async () => {
    const { body: issued } = await suite.post('/v1/access-tokens', { role: 'viewer', label: 'looks' });
    const { token } = issued as unknown as { token: string };
    const body = { change: { type: 'loss', nodeId: 'n1' } };
    expect(await suite.call('POST', '/v1/clusters/alpha/placement-plans', { token, body })).toMatchObject({
      status: 202,
    });
  });

  it('under the key of the request itself is another request', async () => {
    const headers = { 'idempotency-key': 'one-drain' };
    await suite.post('/v1/nodes/n2/drain?dryRun=true', drain, headers);
    expect(await suite.post('/v1/nodes/n2/drain', drain, headers)).toMatchObject({
      ...{ status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } },
    });
  });
});

it('a drain counts what is left of what the node carried, and waits at its deadline', async () => {
  await suite.decide('00000000-0000-4000-8000-0000000000d1', of('t-d1', work.workAssigned('n1', 1)));
  await suite.decide('00000000-0000-4000-8000-0000000000d2', of('t-d2', work.workAssigned('n1', 1)));
  const { body } = await suite.post('/v1/nodes/n1/drain', { deadlineMs: 600_000 });
  const { id } = body.operation;
  await suite.decide(id, work.drainStarted, of('t-d1', work.workMoved(['n1', 'n2'], 2, { cause: 'drain' })));
  // n1 serves s1 too.
  const progress = { done: 1, total: 3, unit: 'tasks', perSec: null, etaSec: null };
  // The node's own list is folded first: what is left may be told before the drain is known to run.
  await shows(`/v1/operations/${id}`, { state: 'running', phase: 'tasks', progress });
  expect(await read('/v1/nodes/n1')).toMatchObject({ drain: { state: 'draining', left: ['serve-s1', 't-d2'] } });
  await suite.decide(id, work.drainOverdue);
  expect(await shows(`/v1/operations/${id}`, { state: 'waiting' })).toMatchObject({
    reason: { code: 'DRAIN_OVERDUE', remedy: expect.stringContaining('--stop') },
  });
  expect(await read('/v1/nodes/n1/why')).toMatchObject({ headline: expect.stringContaining('draining, overdue') });
});

it('gives every refusal a code, a place and a remedy', async () => {
  const taskId = (await suite.get('/v1/tasks?state=completed')).body.items[0]!.taskId as string;
  for (const [asked, status, code, more] of badInput(suite, taskId)) {
    const answer = await asked;
    expect(answer).toMatchObject({ status, body: { code, ...more } });
    expect(Object.keys(problems)).toContain(code);
    expect(answer.body).toMatchObject({ remedy: expect.stringMatching(/.{10}/) });
  }
});

it('restores into the cluster of the backup, with its volumes, and follows it by the bytes restored', async () => {
  const { body } = await suite.post('/v1/systems', {
    systemId: 's1-copy',
    fromBackup: { systemId: 's1', pointId: 'p-1' },
  });
  const { id } = body.operation;
  expect(await firstOf(id)).toMatchObject({
    data: { clusterId: 'alpha', volumes: [], fromBackup: { systemId: 's1' } },
  });
  const ref = { systemId: 's1', pointId: 'p-1', epoch: 2, manifest: work.MANIFEST };
  const registered = {
    systemId: 's1-copy',
    clusterId: 'alpha',
    address: '127.9.1.7',
    volumes: [],
    requestId: id,
    at: AT,
  };
  await suite.tell({ stream: 'system-s1-copy', partitionKey: 's1-copy' }, id, [
    { type: 'SystemRegistered', data: { ...registered, fromBackup: ref } },
  ]);
  await shows(`/v1/operations/${id}`, { state: 'running' });
  const sample = { nodeId: 'n2', taskId: 'serve-s1-copy', epoch: 1, totalBytes: 128 * MIB, bytesPerSec: 16 * MIB };
  suite.observe({ ...sample, doneBytes: 32 * MIB });
  const progress = { done: 32 * MIB, total: 128 * MIB, unit: 'bytes', perSec: 16 * MIB, etaSec: { p50: 6, p90: 6 } };
  await shows(`/v1/operations/${id}`, { progress });
  const ofServe = { clusterId: 'alpha', taskId: 'serve-s1-copy', kind: 'serve', subject: 'system/s1-copy', at: AT };
  const started = { ...ofServe, nodeId: 'n2', epoch: 1, tookMs: 9_000, created: true, manifest: work.MANIFEST };
  await suite.decide(id, { type: 'TaskStartConfirmed', data: started });
  expect((await suite.get(`/v1/operations/${id}?wait=10`)).body).toMatchObject({
    ...{ state: 'succeeded', result: { manifest: work.MANIFEST } },
  });
  expect(await read('/v1/systems/s1-copy')).toMatchObject({ fromBackup: { systemId: 's1', pointId: 'p-1' } });
});
