import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { snapshotSpec, type EventOf, type TaskCancelled, type TaskCompleted } from '@holdfast/contracts';
import { AttemptFolder } from './backup-folder';
import { endHalfDone } from './endings';
import type { Facts } from './facts';
import { until } from './fixture';
import { Journal } from './journal';
import { obeys, type OrdersParts } from './orders';
import type { Points } from './points';
import type { Prober } from './prober';
import type { Serving } from './serving';
import { Tasks } from './tasks';

/** The end of a task, as it is heard by a node of which the test says what it has to do with it. */
describe('what a task that has ended made', () => {
  let root: string;
  let journal: Journal;
  let tasks: Tasks;
  let node: OrdersParts['node'];
  const facts = { tell: () => Promise.resolve() } as unknown as Facts;
  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), 'holdfast-orders-'));
    mkdirSync(join(root, 'medium/s1'), { recursive: true });
    node = { mediumFolder: join(root, 'medium') } as OrdersParts['node'];
    journal = await Journal.open(join(root, 'journal'));
    for (const epoch of [1, 2]) await attempt(epoch);
    tasks = newTasks();
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await journal.close();
    rmSync(root, { recursive: true });
  });

  const newTasks = () =>
    new Tasks({ node, incarnation: 'i1', journal, facts, observed: () => undefined, log: () => undefined });
  const serving = (systems: string[]) =>
    ({ held: () => systems.map((systemId) => ({ order: { systemId } })) }) as unknown as Serving;
  const name = { systemId: 's1', pointId: 'p1' };
  const point = { k: 1, at: '2026-01-01T00:00:00.000Z' };
  const attempt = async (epoch: number) => {
    const of = { ...name, epoch, point, taskId: 't-1', orderedAt: point.at };
    const folder = await AttemptFolder.open(join(root, 'medium'), of);
    await folder.close();
  };
  const finish = (epoch: number) => writeFileSync(join(root, `medium/backups/s1/p1.e${epoch}/manifest.json`), '{}');
  const attempts = () => readdirSync(join(root, 'medium/backups/s1')).sort();
  const ofTask = { clusterId: 'c1', taskId: 't-1', kind: 'snapshot', subject: 'system/s1', at: point.at };
  const cause = { correlationId: 'r', causationId: 'e' };

  /** Until the pin is given back: that is the last that is done. */
  const hear = (type: 'TaskCancelled' | 'TaskCompleted', { serves, scrub }: { serves: string[]; scrub?: boolean }) =>
    new Promise<void>((done) => {
      const orders = obeys({
        ...{
          node,
          journal,
          facts,
          tasks,
          prober: {} as Prober,
          speaker: { clusterId: 'c1', nodeId: 'n1', incarnation: 'i1' },
        },
        serving: serving(serves),
        points: { over: () => done() } as unknown as Points,
      });
      const heard = { ...ofTask, ...(scrub && { kind: 'scrub', subject: 'backup/s1/p1' }) };
      if (type === 'TaskCompleted') orders.TaskCompleted({ ...heard, ...name, epoch: 2 } as Completed, cause);
      else orders.TaskCancelled({ ...heard, ...(!scrub && name), by: 'operator' } as Cancelled, cause);
    });
  type Cancelled = EventOf<typeof TaskCancelled>['data'];
  type Completed = EventOf<typeof TaskCompleted>['data'];

  it('is taken away where the system is served: a snapshot’s other attempts', async () => {
    finish(2);
    await hear('TaskCompleted', { serves: ['s1'] });
    expect(attempts()).toEqual(['p1.e2']);
    await attempt(3);
    await hear('TaskCancelled', { serves: ['s1'] });
    expect(attempts()).toEqual(['p1.e2']);
  });

  it.each([
    { type: 'TaskCompleted' as const, left: ['p1.e2'] },
    { type: 'TaskCancelled' as const, left: [] },
  ])('is taken away by whoever carried it, though nobody serves the system: $type', async ({ type, left }) => {
    if (type === 'TaskCompleted') finish(2);
    await journal.append({ k: 'carry', taskId: 't-1', epoch: 1 });
    await hear(type, { serves: [] });
    expect(attempts()).toEqual(left);
    expect(tasks.knows('t-1')).toBe(false);
  });

  it('is taken away after the worker has ended, which might have made its folder once more', async () => {
    await journal.append({ k: 'carry', taskId: 't-1', epoch: 3 });
    jest.spyOn(Tasks.prototype, 'end').mockImplementationOnce(() => attempt(3));
    await hear('TaskCancelled', { serves: [] });
    expect(attempts()).toEqual([]);
  });

  it('is forgotten with it, though its order was just being noted when its end was heard', async () => {
    const spec = snapshotSpec.parse({ ...name, bytesPerSec: 1 });
    const ordered = tasks.order({
      kind: 'snapshot',
      taskId: 't-1',
      epoch: 3,
      at: point.at,
      spec,
      nodeIncarnation: null,
    });
    await hear('TaskCancelled', { serves: [] });
    await ordered;
    expect([attempts(), journal.state.epochs.size, journal.state.carrying.size]).toEqual([[], 0, 0]);
  });

  const notes = (epoch: number) =>
    readdirSync(join(root, `medium/backups/s1/p1.e${epoch}`)).filter((file) => file.startsWith('scrub-'));
  const note = (file: string) => writeFileSync(join(root, 'medium/backups/s1', file), '{}');

  it.each(['TaskCompleted', 'TaskCancelled'] as const)(
    'is taken away of a scrub too: how far each of its owners was, and the backup stays: %s',
    async (type) => {
      for (const file of ['p1.e1/scrub-t-1.e1.json', 'p1.e1/scrub-t-1.e7.json', 'p1.e1/scrub-t-2.e1.json']) note(file);
      await hear(type, { serves: ['s2'], scrub: true });
      expect(notes(1)).toHaveLength(3);
      await hear(type, { serves: ['s1'], scrub: true });
      expect([notes(1), attempts()]).toEqual([['scrub-t-2.e1.json'], ['p1.e1', 'p1.e2']]);
      note('p1.e1/scrub-t-1.e7.json');
      await journal.append({ k: 'carry', taskId: 't-1', epoch: 1 });
      await hear(type, { serves: [], scrub: true });
      expect(notes(1)).toEqual(['scrub-t-2.e1.json']);
    },
  );

  it('is taken away by the next agent where this one dies amid it', async () => {
    await journal.append({ k: 'carry', taskId: 't-1', epoch: 1 });
    jest.spyOn(Tasks.prototype, 'end').mockReturnValueOnce(new Promise(() => undefined));
    void hear('TaskCancelled', { serves: [] });
    await journal.close();
    expect(attempts()).toEqual(['p1.e1', 'p1.e2']);
    const parts = { node, serving: serving([]), points: { over: () => undefined } as unknown as Points };
    journal = await Journal.open(join(root, 'journal'));
    const endings = endHalfDone({ ...parts, journal, tasks: newTasks() }, () => undefined);
    await until(() => journal.state.endings.size === 0);
    endings.stop();
    expect([attempts(), journal.state.endings.size, journal.state.epochs.size]).toEqual([[], 0, 0]);
  });

  it('is taken away once the medium is back that was away when it was heard', async () => {
    const medium = join(root, 'medium');
    renameSync(medium, `${medium}.away`);
    await journal.append({ k: 'ending', ending: { kind: 'snapshot', taskId: 't-1', backup: name } });
    const parts = {
      node,
      journal,
      tasks,
      serving: serving([]),
      points: { over: () => undefined } as unknown as Points,
    };
    const back = () => existsSync(medium) || renameSync(`${medium}.away`, medium); // for the second round to find
    const endings = endHalfDone(parts, back, 1);
    await until(() => journal.state.endings.size === 0);
    endings.stop();
    expect(attempts()).toEqual([]);
  });

  it('is no business of a node that has nothing to do with it', async () => {
    for (const type of ['TaskCompleted', 'TaskCancelled'] as const) await hear(type, { serves: ['s2'] });
    expect(attempts()).toEqual(['p1.e1', 'p1.e2']);
  });
});

describe('the end of a system', () => {
  it('is heard by every node, for nobody may have asked the one that serves it to stop', () => {
    const cancel = jest.fn(() => Promise.resolve());
    const speaker = { clusterId: 'c1', nodeId: 'n1', incarnation: 'i1' };
    const orders = obeys({ speaker, serving: { cancel } } as unknown as OrdersParts);
    const about = {
      clusterId: 'c1',
      taskId: 'serve-s1',
      kind: 'serve',
      subject: 'system/s1',
      at: '',
      by: 'retirement',
    };
    orders.TaskCancelled(about as EventOf<typeof TaskCancelled>['data'], { correlationId: 'r', causationId: 'e' });
    expect(cancel).toHaveBeenCalledWith({ taskId: 'serve-s1', systemId: 's1' });
  });
});
