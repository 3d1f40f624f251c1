import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { until } from './fixture';
import { Journal } from './journal';
import { MIB, sha256 } from './manifest';
import { daemonsBelow } from './process-identity';
import { flipByte, TaskCluster } from './task-cluster.fixture';

/** Workers as processes, real images and readers; the spec in the place of the balancer. */
describe('a snapshot', () => {
  let cluster: TaskCluster;
  const manifestOf = (epoch: number) => readFileSync(join(cluster.attempt(epoch), 'manifest.json'), 'utf8');

  const editChain = (edit: (text: string) => string) => {
    const chain = join(cluster.medium, 's1/chain.json');
    writeFileSync(chain, edit(readFileSync(chain, 'utf8')));
  };

  let original: TaskCluster;
  beforeAll(async () => {
    original = new TaskCluster();
    await original.system({ v1: 100 * MIB, v2: 20 * MIB + 4096 });
  });
  afterAll(() => original.clear());

  beforeEach(() => (cluster = original.copy()));
  afterEach(() => cluster.clear());

  it('holds the point and nothing else: what lies above is not in it, holes and zeroes take no room', async () => {
    const n1 = await cluster.node(1);
    n1.say({ order: cluster.snapshot(1) });
    const finished = await n1.untilTold('TaskFinished', 1);
    expect(manifestOf(1)).toBe(cluster.manifest());
    expect(finished).toMatchObject({
      doneBytes: 120 * MIB + 4096,
      result: { manifest: sha256(cluster.manifest()), pieces: cluster.pieces(1).size },
    });
    expect([...cluster.pieces(1).keys()]).not.toContain('v1.1.piece');
    expect(n1.told.map(({ type }) => type).filter((type) => type !== 'TaskCheckpointReached')).toEqual([
      'TaskTaken',
      'TaskFinished',
    ]);
  });

  it('goes on at the last sealed piece when its worker is killed, again and again, and is the same', async () => {
    const total = 120 * MIB + 4096;
    for (const [i, share] of [0.25, 0.5, 0.75].entries()) {
      const node = await cluster.node(i + 1);
      node.say({ order: cluster.snapshot(i + 1, { rate: 96 * MIB }) });
      await node.until(() =>
        node.told.some(
          ({ type, data }) => type === 'TaskCheckpointReached' && Number(data['doneBytes']) >= share * total,
        ),
      );
      await node.kill();
      expect(node.find('TaskFinished', i + 1)).toBeUndefined();
    }
    const n4 = await cluster.node(4);
    n4.say({ order: cluster.snapshot(4) });
    await n4.untilTold('TaskFinished', 4);
    expect(manifestOf(4)).toBe(cluster.manifest());
    for (const epoch of [1, 2, 3]) {
      const result = cluster.pieces(4);
      // Of each attempt at most the piece in hand was for nothing.
      const sealed = cluster.pieces(epoch);
      expect(sealed.size - cluster.sealed(epoch).length).toBeLessThanOrEqual(1);
      for (const name of cluster.sealed(epoch)) expect([name, result.get(name)]).toEqual([name, sealed.get(name)]);
    }
  });

  it('makes anew what an earlier attempt sealed and does not hold any more, and what its torn list does not name', async () => {
    const n1 = await cluster.node(1);
    n1.say({ order: cluster.snapshot(1) });
    await n1.untilTold('TaskFinished', 1);
    const [flipped, shortened, gone, unlisted] = cluster.sealed(1) as [string, string, string, string];
    flipByte(join(cluster.attempt(1), flipped), 5 * 4096);
    truncateSync(join(cluster.attempt(1), shortened), 4096);
    rmSync(join(cluster.attempt(1), gone));
    const list = join(cluster.attempt(1), 'sealed.ndjson');
    const lines = readFileSync(list, 'utf8').split('\n');
    writeFileSync(list, [...lines.slice(0, 4), ...lines.slice(5), lines[4]!.slice(0, 40)].join('\n'));
    const n2 = await cluster.node(2);
    n2.say({ order: cluster.snapshot(2) });
    await n2.untilTold('TaskFinished', 2);
    expect(manifestOf(2)).toBe(cluster.manifest());
    const [before, after] = [cluster.pieces(1), cluster.pieces(2)];
    const anew = [...after].filter(([name, file]) => before.get(name) !== file).map(([name]) => name);
    expect(anew.sort()).toEqual([flipped, shortened, gone, unlisted].sort());
  });

  it('is not touched by a worker that sleeps through the move and wakes after it', async () => {
    const n1 = await cluster.node(1);
    n1.say({ order: cluster.snapshot(1, { rate: 64 * MIB }) });
    await n1.untilTold('TaskCheckpointReached', 1);
    n1.child.kill('SIGSTOP');
    const n2 = await cluster.node(2);
    n2.say({ order: cluster.snapshot(2) });
    await n2.untilTold('TaskFinished', 2);
    expect(n1.find('TaskFinished', 1)).toBeUndefined();
    const result = cluster.pieces(2);
    const bytes = [...result.keys()].map((name) => sha256(readFileSync(join(cluster.attempt(2), name))));
    n1.child.kill('SIGCONT');
    await n1.untilTold('TaskFinished', 1); // it heard nothing, and made its own attempt whole
    expect(cluster.pieces(2)).toEqual(result);
    expect([...result.keys()].map((name) => sha256(readFileSync(join(cluster.attempt(2), name))))).toEqual(bytes);
    expect(manifestOf(2)).toBe(cluster.manifest());
  });

  it('ends without a word once another epoch is known, or the task has ended elsewhere', async () => {
    const n1 = await cluster.node(1);
    n1.say({ order: cluster.snapshot(1, { rate: 32 * MIB }) });
    await n1.untilTold('TaskCheckpointReached', 1);
    n1.say({ order: cluster.snapshot(2, { rate: 32 * MIB }) });
    await n1.untilTold('TaskCheckpointReached', 2);
    n1.say({ end: 't-1' });
    n1.say({ order: cluster.snapshot(1) });
    expect(await n1.untilTold('TaskDeclined', 1)).toMatchObject({ code: 'STALE_EPOCH', highestEpoch: 2 });
    await until(() => daemonsBelow(join(cluster.root, 'n1', 'run')).length === 0);
    expect(n1.told.map(({ type }) => type)).not.toContain('TaskFinished');
  });

  it('stops when it is recalled, says where, and goes on there when it is kept at its epoch', async () => {
    const n1 = await cluster.node(1);
    n1.say({ order: cluster.snapshot(1, { rate: 48 * MIB }) });
    await n1.untilTold('TaskCheckpointReached', 1);
    n1.say({ recall: { taskId: 't-1', epoch: 1 } });
    const stopped = await n1.untilTold('TaskStopped', 1);
    expect(n1.find('TaskFinished', 1)).toBeUndefined();
    const reached = n1.told.filter(({ type }) => type === 'TaskCheckpointReached').at(-1)!.data;
    expect(stopped).toMatchObject({ token: reached['token'], doneBytes: reached['doneBytes'] });
    const sealed = cluster.pieces(1);
    n1.say({ order: cluster.snapshot(1) });
    await n1.untilTold('TaskFinished', 1);
    expect(manifestOf(1)).toBe(cluster.manifest());
    expect([...cluster.pieces(1)]).toEqual(expect.arrayContaining([...sealed]));
  });

  it('says again that it is taken when it is ordered twice', async () => {
    const n1 = await cluster.node(1);
    n1.say({ order: cluster.snapshot(1, { rate: 128 * MIB }) });
    await n1.untilTold('TaskTaken', 1);
    n1.say({ order: cluster.snapshot(1, { rate: 128 * MIB }) });
    await n1.untilTold('TaskFinished', 1);
    expect(n1.told.map(({ type }) => type).filter((type) => type !== 'TaskCheckpointReached')).toEqual([
      'TaskTaken',
      'TaskTaken',
      'TaskFinished',
    ]);
  });

  it('leaves no reader behind: the next agent on the node ends it, and says what it held', async () => {
    const n1 = await cluster.node(1);
    n1.say({ order: cluster.snapshot(1, { rate: 32 * MIB }) });
    await n1.untilTold('TaskCheckpointReached', 1);
    await n1.kill();
    const run = join(cluster.root, 'n1', 'run');
    expect(daemonsBelow(run)).toHaveLength(1);
    await cluster.node(1);
    expect(daemonsBelow(run)).toEqual([]);
    expect(readdirSync(run)).toEqual([]);
    const journal = await Journal.open(join(cluster.root, 'n1', 'journal'));
    expect([...journal.state.carrying]).toEqual([['t-1', 1]]);
    await journal.close();
  });

  const layer = () => join(cluster.medium, 's1/v1.1.e1.qcow2');
  /** Where its first table of clusters lies: the entry says so no more. */
  const l1Table = () => Number(readFileSync(layer()).readBigUInt64BE(40));
  const draft = () => join(cluster.attempt(1), 'v1.0.piece.t-1.draft');
  it.each([
    ['the point is gone', 'subject', 'POINT_GONE', () => editChain((chain) => chain.replace('"p1"', '"p2"'))],
    ['a layer is no image', 'subject', 'SOURCE_DAMAGED', () => flipByte(layer(), 0)],
    ['a layer is damaged within', 'subject', 'SOURCE_DAMAGED', () => flipByte(layer(), l1Table() + 6, 0x02)],
    [
      'the medium is full',
      'busy',
      'NO_SPACE',
      () => {
        mkdirSync(cluster.attempt(1), { recursive: true });
        symlinkSync('/dev/full', draft());
      },
    ],
  ])('faults when %s: class %s', async (_when, errorClass, code, spoil) => {
    const n1 = await cluster.node(1);
    spoil();
    n1.say({ order: cluster.snapshot(1) });
    expect(await n1.untilTold('TaskFaulted', 1)).toMatchObject({ code, errorClass });
    expect(n1.told.map(({ type }) => type)).toEqual(['TaskTaken', 'TaskFaulted']);
    expect(readdirSync(join(cluster.root, 'n1', 'run'))).toEqual([]);
  });

  it('waits for a fold below its point, says so, and is no failure', async () => {
    const n1 = await cluster.node(1);
    const fold = await cluster.writesInto('v1', 1);
    n1.say({ order: cluster.snapshot(1) });
    expect(await n1.untilTold('TaskBlocked', 1)).toMatchObject({ waitsFor: 'chainLock' });
    await fold.close();
    await n1.untilTold('TaskFinished', 1);
    expect(n1.told.map(({ type }) => type).slice(0, 2)).toEqual(['TaskBlocked', 'TaskTaken']);
    expect(manifestOf(1)).toBe(cluster.manifest());
  });

  it('is declined where the medium is away, so that another node is asked', async () => {
    const n1 = await cluster.node(1);
    renameSync(cluster.medium, `${cluster.medium}.away`);
    n1.say({ order: cluster.snapshot(1) });
    expect(await n1.untilTold('TaskDeclined', 1)).toMatchObject({ code: 'MEDIUM_INVALID' });
    expect(existsSync(cluster.medium)).toBe(false);
  });

  it('does not overwrite the backup of another point that had its name', async () => {
    const n1 = await cluster.node(1);
    n1.say({ order: cluster.snapshot(1) });
    await n1.untilTold('TaskFinished', 1);
    editChain((chain) => chain.replace('2026-01-01', '2026-02-02'));
    n1.say({ order: cluster.snapshot(2, { taskId: 't-9' }) });
    await n1.until(() => n1.told.some(({ type, data }) => type === 'TaskFaulted' && data['code'] === 'BACKUP_EXISTS'));
    expect(manifestOf(1)).toBe(cluster.manifest());
  });
});
