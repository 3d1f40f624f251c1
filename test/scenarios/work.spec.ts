import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { SystemView } from '../../apps/lab/src/gateway-client';
import { violations } from '../invariants';
import { fill, wrongAtPoint } from '../support/backup';
import { CheckingClient } from '../support/checking-client';
import { type CliAnswer, Fleet } from '../support/fleet';
import { gather } from '../support/gather';

const MIB = 1_048_576;
const SIZE_BYTES = 1_024 * MIB;
const DATA_BYTES = 20 * MIB;
/** Its first piece takes two minutes: work that is still underway whenever it is looked at. */
const SLOW = '128KiB';

const fleet = new Fleet();
const systemId = 'work';
const copyId = 'work-copy';
let client: CheckingClient;
let backup: Backup;
let slowTask: string;
let restoredUri: string;
/** The systems as they were before anything was drained. */
let before: { items: SystemView[]; asOf: { position: number } };

interface Backup {
  backupId: string;
  systemId: string;
  pointId: string;
  /** When its point was frozen. */
  at: string;
  bytes: number;
  manifest: string;
}
interface Task {
  taskId: string;
  nodeId: string | null;
  state: string;
}
interface Plan {
  planDigest: string;
  steps: { does: string; kind: string; taskId: string; subject: string; reconnects: boolean }[];
  findings: { code: string; subject: string }[];
}

/** What a script reads: JSON alone on stdout, nothing on stderr, exit 0. */
/** As an operator does: when a hold ends between the two, the plan is another, and is made again. */
async function drainByPlan(nodeId: string) {
  for (let tries = 1; ; tries++) {
    const plan = await planDrain(nodeId);
    const answer = await fleet.cli('drain', nodeId, '--plan', plan.planDigest, '--wait', '-o', 'json');
    if (answer.code !== 6 || tries === 3) return { plan, answer };
  }
}

async function read<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await fleet.cli(...args, '-o', 'json');
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: '' });
  return JSON.parse(stdout) as T;
}

/** Refused: with its code and exit code, and with something that can be done about it. */
function refused({ code, stderr }: CliAnswer, expected: { exit: number; code: string }): void {
  expect({ exit: code, stderr }).toMatchObject({ exit: expected.exit, stderr: expect.stringContaining(expected.code) });
  expect(stderr).toMatch(/^remedy {4}\S+/m);
}

const filesOf = (folder: string) => (existsSync(folder) ? readdirSync(folder) : []);
const nodesOfAlpha = async () => (await fleet.nodes()).filter(({ clusterId }) => clusterId === 'alpha');
const planDrain = (nodeId: string) => read<Plan>('plan', 'drain', `node/${nodeId}`);
const isServe = ({ kind }: { kind: string }) => kind === 'serve';

/** So that one of the drains has both to move: the work, and then the system. */
async function worksWhereServed(): Promise<void> {
  const { nodeId } = await fleet.system(systemId);
  const task = await fleet.get<Task>(`/v1/tasks/${slowTask}`);
  if (task.nodeId !== nodeId) await read('task', 'move', slowTask, '--to', nodeId!, '--wait');
}

async function writesOn(): Promise<void> {
  const { ok } = client.tally;
  await fleet.until('the client writes on', 20_000, async () => client.tally.ok >= ok + 50 && client.silentMs < 500);
}

/** The acceptance of background work, by shell as a visitor has it: each part begins where the one before ended. */
describe('work in the background', () => {
  beforeAll(async () => {
    await fleet.clean();
    await fleet.perform('/v1/systems', {
      systemId,
      clusterId: 'alpha',
      volumes: [{ volumeId: 'v1', sizeBytes: SIZE_BYTES }],
    });
    const { exports } = await fleet.system(systemId);
    const uris = exports.map(({ uri }) => uri);
    client = new CheckingClient(systemId, uris);
    await fill(uris[0]!, DATA_BYTES);
    await writesOn();
  });
  afterAll(() => client?.kill());

  it('a snapshot is watched to its end, and is a backup from then on', async () => {
    const submitted = await fleet.cli('task', 'submit', 'snapshot', '--system', systemId, '--watch', '-o', 'json');
    expect(submitted).toMatchObject({ code: 0, stderr: '' });
    const told = submitted.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { taskId: string; state: string; task?: Task });
    const { taskId } = told[0]!;
    expect(told.map(({ task }) => task?.state)).toContain('running');
    expect(told.at(-1)).toMatchObject({ taskId, state: 'succeeded' });

    await read('wait', `task/${taskId}`, '--for', 'completed', '--timeout', '20s');
    const task = (await read<Task[]>('get', 'tasks')).find((one) => one.taskId === taskId);
    expect(task).toMatchObject({
      ...{ taskId, kind: 'snapshot', subject: `system/${systemId}`, nodeId: expect.any(String), epoch: 1 },
      ...{ state: 'completed', doneBytes: SIZE_BYTES, totalBytes: SIZE_BYTES },
      result: { manifest: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });

    const listed = await read<Backup[]>('backups', 'list', systemId);
    expect(listed).toEqual([expect.objectContaining({ systemId, bytes: expect.any(Number), at: expect.any(String) })]);
    backup = listed[0]!;
    expect(backup.backupId).toBe(`${systemId}/${backup.pointId}`);
    expect(backup.bytes).toBe(DATA_BYTES);
  });

  it('a scrub reads the backup against its manifest', async () => {
    const scrub = await read<{ taskId: string; state: string }>(
      ...['task', 'submit', 'scrub', '--backup', backup.backupId, '--wait'],
    );
    expect(scrub).toMatchObject({ taskId: expect.stringMatching(/^t-/), state: 'succeeded' });
    const described = await read<Backup>('backups', 'describe', backup.backupId);
    expect(described).toMatchObject({ backupId: backup.backupId, lastScrub: { clean: true }, restorable: true });
  });

  it('what cannot be done is refused with the reason and a remedy', async () => {
    const snapshot = ['task', 'submit', 'snapshot', '--system', systemId, '--rate', SLOW];
    slowTask = (await read<{ taskId: string }>(...snapshot)).taskId;
    refused(await fleet.cli(...snapshot), { exit: 3, code: 'DUPLICATE' });
    refused(await fleet.cli('task', 'submit', 'polish', '--system', systemId), { exit: 3, code: 'UNKNOWN_KIND' });
    refused(await fleet.cli('task', 'submit', 'snapshot', '--system', 'nobody'), { exit: 8, code: 'NOT_FOUND' });
    const elsewhere = ['system', 'create', copyId, '--from-backup', backup.backupId, '--cluster', 'beta'];
    refused(await fleet.cli(...elsewhere), { exit: 3, code: 'BACKUP_ELSEWHERE' });
  });

  it('a backup stays as long as a task reads it', async () => {
    const scrub = await read<{ taskId: string }>(
      ...['task', 'submit', 'scrub', '--backup', backup.backupId, '--rate', SLOW],
    );
    refused(await fleet.cli('backups', 'delete', backup.backupId), { exit: 3, code: 'IN_USE' });
    await read('task', 'cancel', scrub.taskId, '--wait');
  });

  it('a new system is filled from the backup', async () => {
    const restored = await read<{ state: string; result: unknown }>(
      ...['system', 'create', copyId, '--from-backup', backup.backupId, '--wait'],
    );
    expect(restored).toMatchObject({ state: 'succeeded', result: { manifest: backup.manifest } });
    const { exports, serving } = await fleet.system(copyId);
    expect(serving.state).toBe('served');
    restoredUri = exports[0]!.uri;
  });

  it('a plan made before the fleet changed is refused, and both are shown', async () => {
    const plans = new Map<string, Plan>();
    for (const { nodeId } of await nodesOfAlpha()) plans.set(nodeId, await planDrain(nodeId));
    const lateId = 'work-late';
    const volumes = [{ volumeId: 'v1', sizeBytes: MIB }];
    await fleet.perform('/v1/systems', { systemId: lateId, clusterId: 'alpha', volumes });
    const { nodeId } = await fleet.system(lateId);
    const [asked, now] = [plans.get(nodeId!)!, await planDrain(nodeId!)];
    expect(now.steps).toContainEqual(
      expect.objectContaining({ does: 'move', taskId: `serve-${lateId}`, fromNodeId: nodeId, reconnects: true }),
    );

    const since = await fleet.position();
    const answer = await fleet.cli('drain', nodeId!, '--plan', asked.planDigest);
    refused(answer, { exit: 6, code: 'PLAN_CHANGED' });
    for (const { planDigest } of [asked, now]) expect(answer.stderr).toContain(planDigest);
    expect((await fleet.events(since)).map(({ type }) => type)).not.toContain('NodeDrainStarted');
    for (const verb of ['retire', 'delete']) await fleet.perform(`/v1/systems/${lateId}/${verb}`, {});
  });

  it('each node of alpha is drained in turn: tasks first, and each system costs its clients one reconnect', async () => {
    before = await fleet.get('/v1/systems?limit=500');
    await worksWhereServed();
    for (const { nodeId } of await nodesOfAlpha()) {
      const { reconnects } = client.tally;
      const { nodeId: servedBy } = await fleet.system(systemId);
      const since = await fleet.position();
      const { plan, answer } = await drainByPlan(nodeId);
      const { steps, findings } = plan;
      expect(steps).toEqual([...steps.filter((step) => !isServe(step)), ...steps.filter(isServe)]);
      const subjects = steps.filter((step) => step.reconnects).map(({ subject }) => subject);
      expect(findings).toEqual(subjects.map((subject) => expect.objectContaining({ code: 'RECONNECTS', subject })));

      expect(answer).toMatchObject({ code: 0, stderr: '' });
      expect(JSON.parse(answer.stdout)).toMatchObject({ state: 'succeeded', subject: `node/${nodeId}` });
      const moved = (await fleet.events(since)).filter(({ type, data }) => {
        return type === 'TaskMoved' && data['fromNodeId'] === nodeId;
      });
      expect(moved.map(({ data }) => data['taskId'])).toEqual(steps.map(({ taskId }) => taskId));
      expect((await fleet.systems()).map((system) => system.nodeId)).not.toContain(nodeId);
      expect((await fleet.get<Task>(`/v1/tasks/${slowTask}`)).nodeId).not.toBe(nodeId);
      await writesOn();
      expect(client.tally.reconnects).toBe(reconnects + (servedBy === nodeId ? 1 : 0));
      await read('drain', nodeId, '--stop', '--wait');
    }
    expect(client.tally.reconnects).toBeGreaterThan(0);
    expect(client.tally.wrong).toBe(0);
  });

  it('what was known before the drains can still be read', async () => {
    const then = await read<SystemView[]>('get', 'systems', '--as-of', `${before.asOf.position}`);
    expect(then).toEqual(before.items);
    const states = await read<{ body: SystemView | null }[]>('history', `system/${systemId}`);
    const { nodeId, epoch } = await fleet.system(systemId);
    expect(states.at(-1)!.body).toMatchObject({ nodeId, epoch });
    const epochs = states.flatMap(({ body }) => body?.epoch ?? []);
    expect([...new Set(epochs)]).toEqual(Array.from({ length: epoch! }, (_, i) => i + 1));
  });

  it('what a loss and a rebalance would do is told, and nothing is done', async () => {
    const { nodeId } = await fleet.system(systemId);
    const loss = await read<Plan>('plan', 'loss', nodeId!);
    expect(loss.steps).toContainEqual(expect.objectContaining({ does: 'move', taskId: `serve-${systemId}` }));
    expect(await read<Plan>('plan', 'rebalance', 'alpha')).toMatchObject({ planDigest: expect.any(String), steps: [] });
    expect((await fleet.system(systemId)).nodeId).toBe(nodeId);
  });

  it('a node is in maintenance until that is ended', async () => {
    const { nodeId } = await fleet.system(systemId);
    await read('maintenance', 'start', nodeId!, '--for', '10m', '--reason', 'a new fan', '--wait');
    expect(await read('get', 'node', nodeId!)).toMatchObject({ maintenance: { reason: 'a new fan' } });
    await read('maintenance', 'end', nodeId!, '--wait');
    expect(await read('get', 'node', nodeId!)).toMatchObject({ maintenance: null });
  });

  it('a task that is called off leaves nothing, and a backup can go', async () => {
    await read('task', 'cancel', slowTask, '--wait');
    await read('wait', `task/${slowTask}`, '--for', 'cancelled');
    await read('backups', 'delete', backup.backupId, '--wait');
    expect(await read('backups', 'list', systemId)).toEqual([]);
    const { mediumPath } = fleet.file.clusters.find(({ clusterId }) => clusterId === 'alpha')!;
    await fleet.until('neither has left a file on the medium', 20_000, async () => {
      return filesOf(join(mediumPath, 'backups', systemId)).length === 0;
    });
  });

  it('nothing acknowledged was lost, and no rule was broken by all of this', async () => {
    const seen = await client.finish();
    expect(violations(await gather(fleet, seen))).toEqual([]);
    expect(await wrongAtPoint(restoredUri, seen.ledger, backup.at)).toEqual([]);
    const { predicates } = await read<{ predicates: { id: string; checked: number; violations: object[] }[] }>(
      'verify',
    );
    expect(predicates.flatMap((predicate) => predicate.violations)).toEqual([]);
    expect(predicates.some(({ checked }) => checked > 0)).toBe(true);
    for (const id of [systemId, copyId])
      for (const verb of ['retire', 'delete']) await fleet.perform(`/v1/systems/${id}/${verb}`, {});
  });
});
