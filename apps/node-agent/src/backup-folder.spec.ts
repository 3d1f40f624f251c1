import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AttemptFolder,
  backupOfAnotherPoint,
  deleteBackup,
  dropOtherAttempts,
  dropUnfinishedAttempts,
  earlierAttempts,
  folderOfAttempt,
} from './backup-folder';
import { MIB, sha256 } from './manifest';

describe('attempts at a backup', () => {
  let medium: string;
  beforeEach(() => (medium = mkdtempSync(join(tmpdir(), 'holdfast-backups-'))));
  afterEach(() => rmSync(medium, { recursive: true, force: true }));

  const point = { k: 2, at: '2026-01-01T00:00:00.000Z' };
  const of = (epoch: number, more: { pointId?: string; at?: string; taskId?: string; orderedAt?: string } = {}) => ({
    ...{ taskId: more.taskId ?? 't-1', orderedAt: more.orderedAt ?? '2026-01-01T00:01:00.000Z' },
    ...{ systemId: 's1', pointId: more.pointId ?? 'p1', epoch },
    point: { ...point, at: more.at ?? point.at },
  });
  const piece = (n: number) => ({ volumeId: 'v1', n, bytes: MIB, sha256PerMiB: [sha256(`${n}`)] });
  const attempt = async (name: ReturnType<typeof of>, ...numbers: number[]) => {
    const folder = await AttemptFolder.open(medium, name);
    for (const n of numbers) {
      writeFileSync(folder.draftOf(piece(n)), `${n}`);
      await folder.seal(piece(n));
    }
    return folder;
  };
  const list = (epoch: number) => join(folderOfAttempt(medium, of(epoch)), 'sealed.ndjson');
  const found = async (epoch: number) =>
    (await earlierAttempts(medium, of(epoch))).map(({ folder, sealed }) => [folder.slice(-2), [...sealed.keys()]]);

  it('are found newest first, up to the epoch that asks', async () => {
    await (await attempt(of(1), 0, 1)).close();
    await (await attempt(of(10), 0)).close();
    await (await attempt(of(3), 2)).close();
    expect(await found(9)).toEqual([
      ['e3', ['v1.2.piece']],
      ['e1', ['v1.0.piece', 'v1.1.piece']],
    ]);
  });

  it('of another point of the same name, of a longer name, or of no number, are none', async () => {
    await (await attempt(of(1, { at: '2026-02-02T00:00:00.000Z' }), 0)).close();
    await (await attempt(of(2, { pointId: 'p1-b' }), 0)).close();
    mkdirSync(join(medium, 'backups/s1/p1.e2x'));
    mkdirSync(join(medium, 'backups/s1/p1.e3'));
    expect(await found(9)).toEqual([]);
  });

  it('count what is sealed by whole lines: torn and senseless ones are pieces to be made again', async () => {
    await (await attempt(of(1), 0, 1)).close();
    appendFileSync(
      list(1),
      '{"volumeId":"v1","n":2}\n{"volumeId":"../v1","n":3,"bytes":1,"sha256PerMiB":[null]}\n{"volum',
    );
    expect(await found(2)).toEqual([['e1', ['v1.0.piece', 'v1.1.piece']]]);
  });

  it('are known by what an older agent knows, whatever else a newer one says of them', async () => {
    await (await attempt(of(1), 0)).close();
    const [head, ...pieces] = readFileSync(list(1), 'utf8').split('\n');
    writeFileSync(list(1), [JSON.stringify({ ...JSON.parse(head!), more: 1 }), ...pieces].join('\n'));
    expect(await found(1)).toEqual([['e1', ['v1.0.piece']]]);
  });

  it('go on in their own list, after a torn line too, but not in the list of another point', async () => {
    await (await attempt(of(1), 0)).close();
    appendFileSync(list(1), '{"volum');
    await (await attempt(of(1), 1)).close();
    expect(await found(1)).toEqual([['e1', ['v1.0.piece', 'v1.1.piece']]]);
    await (await attempt(of(1, { at: '2026-02-02T00:00:00.000Z' }), 2)).close();
    expect(await found(1)).toEqual([]);
  });

  it('of two tasks at one epoch seal from drafts of their own', async () => {
    const [one, other] = [await attempt(of(1)), await attempt(of(1, { taskId: '../t/2' }))];
    expect(other.folder).toBe(one.folder);
    expect(other.draftOf(piece(0))).toBe(join(one.folder, 'v1.0.piece...%2Ft%2F2.draft'));
    for (const each of [one, other]) writeFileSync(each.draftOf(piece(0)), '0');
    for (const each of [one, other]) await each.seal(piece(0)).finally(() => each.close());
    expect(await found(1)).toEqual([['e1', ['v1.0.piece']]]);
  });

  it('take a sealed piece over as the very same file', async () => {
    await (await attempt(of(1), 0)).close();
    const second = await attempt(of(2));
    await second.adopt(piece(0), folderOfAttempt(medium, of(1)));
    await second.close();
    const files = [1, 2].map((epoch) => statSync(join(folderOfAttempt(medium, of(epoch)), 'v1.0.piece')).ino);
    expect(files[0]).toBe(files[1]);
    expect((await found(2))[0]).toEqual(['e2', ['v1.0.piece']]);
  });

  it('go, all but the result', async () => {
    for (const epoch of [1, 3]) await (await attempt(of(epoch), 0)).close();
    await whole(of(2));
    await (await attempt(of(1, { pointId: 'p1-b' }), 0)).close();
    await dropOtherAttempts(medium, of(2));
    expect(readdirSync(join(medium, 'backups/s1')).sort()).toEqual(['p1-b.e1', 'p1.e2']);
  });

  const whole = async (name: ReturnType<typeof of>) => {
    const folder = await attempt(name, 0);
    await folder.finish('{}', () => undefined);
    await folder.close();
  };
  const deletedAt = '2026-01-01T00:02:00.000Z';
  const earlierPoint = '2025-12-31T00:00:00.000Z';

  it('go once there is a result, but for the backup of another point that had the name', async () => {
    await whole(of(1, { at: earlierPoint }));
    await whole(of(2));
    await (await attempt(of(3, { at: earlierPoint }), 0)).close();
    await whole(of(4));
    await dropOtherAttempts(medium, of(4));
    expect(readdirSync(join(medium, 'backups/s1')).sort()).toEqual(['p1.e1', 'p1.e4']);
  });

  it('that are whole stay where the result does not tell of which point it is', async () => {
    await whole(of(1));
    await whole(of(2));
    rmSync(list(2));
    await dropOtherAttempts(medium, of(2));
    expect(readdirSync(join(medium, 'backups/s1')).sort()).toEqual(['p1.e1', 'p1.e2']);
  });

  it('of another task stay where the result is gone: it was deleted, and the name given again, before that was heard', async () => {
    await (await attempt(of(1), 0)).close();
    for (const epoch of [2, 3]) await (await attempt(of(epoch, { taskId: 't-2' }), 0)).close();
    for (const epoch of [2, 4]) await dropOtherAttempts(medium, of(epoch));
    expect(readdirSync(join(medium, 'backups/s1')).sort()).toEqual(['p1.e2', 'p1.e3']);
  });

  it('of another point stand in the way of its name once they are whole, at whatever epoch', async () => {
    await whole(of(2));
    await (await attempt(of(5, { at: earlierPoint }), 0)).close();
    expect(await backupOfAnotherPoint(medium, of(9))).toBeUndefined();
    await whole(of(7, { at: earlierPoint }));
    expect(await backupOfAnotherPoint(medium, of(3))).toMatch(/p1\.e7$/);
  });

  it('go when their task is called off, but for what is whole', async () => {
    for (const epoch of [1, 2, 3]) await (await attempt(of(epoch), 0)).close();
    await whole(of(4));
    await dropUnfinishedAttempts(medium, { systemId: 's1', pointId: 'p1', taskId: 't-1' });
    expect(readdirSync(join(medium, 'backups/s1'))).toEqual(['p1.e4']);
  });

  it('stay when another task was called off that had the name before them', async () => {
    await (await attempt(of(1), 0)).close();
    await (await attempt(of(2, { taskId: 't-2' }), 0)).close();
    mkdirSync(join(medium, 'backups/s1/p1.e3')); // it had not come to its first line
    await dropUnfinishedAttempts(medium, { systemId: 's1', pointId: 'p1', taskId: 't-1' });
    expect(readdirSync(join(medium, 'backups/s1'))).toEqual(['p1.e2']);
  });

  it('go with their backup, also when it is gone already or never was', async () => {
    for (const epoch of [1, 2]) await (await attempt(of(epoch), 0)).close();
    for (const systemId of ['s1', 's1', 's9'])
      expect(await deleteBackup(medium, { systemId, pointId: 'p1', at: deletedAt })).toBe(true);
    expect(readdirSync(join(medium, 'backups/s1'))).toEqual([]);
  });

  it('stay where they were ordered after the deletion, which is heard late: the name was given again', async () => {
    await whole(of(1));
    await whole(of(2, { orderedAt: '2026-01-01T00:02:00.001Z' }));
    expect(await deleteBackup(medium, { systemId: 's1', pointId: 'p1', at: deletedAt })).toBe(false);
    expect(readdirSync(join(medium, 'backups/s1'))).toEqual(['p1.e2']);
  });

  it('are not taken for gone on a medium that is away', async () => {
    const away = join(medium, 'away');
    await expect(deleteBackup(away, { systemId: 's1', pointId: 'p1', at: deletedAt })).rejects.toMatchObject({
      code: 'MEDIUM_INVALID',
    });
    await expect(AttemptFolder.open(away, of(1))).rejects.toMatchObject({ code: 'MEDIUM_INVALID' });
    expect(existsSync(away)).toBe(false);
  });

  it('are whole with their manifest alone, and not if another epoch is known just before', async () => {
    const folder = await attempt(of(1), 0);
    const manifest = join(folder.folder, 'manifest.json');
    const passed = () => {
      throw new Error('passed');
    };
    await expect(folder.finish('{}', passed)).rejects.toThrow('passed');
    expect(existsSync(manifest)).toBe(false);
    await folder.finish('{}', () => undefined);
    await folder.close();
    expect(readFileSync(manifest, 'utf8')).toBe('{}');
  });
});
