import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { snapshotSpec } from '@holdfast/contracts';
import { EngineError } from './errors';
import { MIB, sha256 } from './manifest';
import * as pieces from './pieces';
import { Reader } from './reader';
import { beginSnapshot } from './snapshot';
import type { Work } from './work';

jest.mock('./reader');
jest.mock('./pieces', () => {
  const actual = jest.requireActual<typeof pieces>('./pieces');
  return { ...actual, checkWritten: jest.fn(actual.checkWritten) };
});

/** What a medium does to a piece between its write and its check, no real one does when asked. */
describe('a piece of a snapshot', () => {
  let medium: string;
  const reads: number[] = [];
  const checkWritten = jest.mocked(pieces.checkWritten);

  beforeEach(() => {
    medium = mkdtempSync(join(tmpdir(), 'holdfast-snapshot-'));
    mkdirSync(join(medium, 's1'));
    for (const file of ['v1.1.e1.qcow2', 'v1.2.e1.qcow2', 'probe.qcow2']) writeFileSync(join(medium, 's1', file), '');
    const layers = [1, 2].map((k) => ({ k, file: `v1.${k}.e1.qcow2` }));
    const volumes = [{ volumeId: 'v1', sizeBytes: 2 * MIB, layers }];
    const points = [{ k: 1, pointId: 'p1', at: '2026-01-01T00:00:00.000Z' }];
    writeFileSync(join(medium, 's1/chain.json'), JSON.stringify({ volumes, points, pins: [] }));
    reads.length = 0;
    const reader = {
      dataIn: () => Promise.resolve([0, MIB]),
      read: (_volume: string, offset: number, length: number) => {
        reads.push(offset);
        return Promise.resolve(Buffer.alloc(length, offset === 0 ? 'a' : 0));
      },
      close: () => Promise.resolve(),
    };
    jest.mocked(Reader.open).mockResolvedValue(reader as unknown as Reader);
  });
  afterEach(() => {
    checkWritten.mockReset().mockImplementation(jest.requireActual<typeof pieces>('./pieces').checkWritten);
    rmSync(medium, { recursive: true, force: true });
  });

  const work = (more: Partial<Work> = {}): Work => ({
    node: {
      nodeId: 'n1',
      mediumFolder: medium,
      runFolder: '',
      engine: { binary: '', flush: 'os' },
      addressOf: () => '',
      foldAbove: 8,
    },
    signal: new AbortController().signal,
    blocked: () => undefined,
    turn: () => Promise.resolve(),
    check: () => Promise.resolve(),
    mustBeOurs: () => undefined,
    advance: () => undefined,
    ...more,
  });
  const spec = snapshotSpec.parse({ systemId: 's1', pointId: 'p1', bytesPerSec: 1 });
  const run = async (more?: Partial<Work>, epoch = 1) => {
    const begun = await beginSnapshot(
      { kind: 'snapshot', taskId: 't-1', epoch, at: '2026-01-01T00:01:00.000Z', spec },
      work(more),
    );
    return begun.run().finally(() => begun.close());
  };
  const attempt = () => join(medium, 'backups/s1/p1.e1');

  it('holds data where there is any, and is as long as the volume has it', async () => {
    await expect(run()).resolves.toMatchObject({ pieces: 1, bytes: MIB });
    const stored = readFileSync(join(attempt(), 'v1.0.piece'));
    expect(stored.equals(Buffer.concat([Buffer.alloc(MIB, 'a'), Buffer.alloc(MIB)]))).toBe(true);
    expect(readFileSync(join(attempt(), 'manifest.json'), 'utf8')).toContain(
      `["${sha256(Buffer.alloc(MIB, 'a'))}",null]`,
    );
  });

  it('is made anew when it is not what was written', async () => {
    checkWritten.mockResolvedValueOnce('wrongBytes');
    await expect(run()).resolves.toMatchObject({ pieces: 1 });
    expect(reads).toEqual([0, MIB, 0, MIB]);
  });

  it('is a fault of the subject when it is not what was written, twice', async () => {
    checkWritten.mockResolvedValueOnce('wrongBytes').mockResolvedValueOnce('wrongLength');
    await expect(run()).rejects.toMatchObject({ errorClass: 'subject', code: 'PIECE_DIFFERS' });
    expect(existsSync(join(attempt(), 'v1.0.piece'))).toBe(false);
  });

  it('is not sealed once another epoch is known, however far it is', async () => {
    const passed = () => {
      throw new Error('passed');
    };
    await expect(run({ mustBeOurs: passed })).rejects.toThrow('passed');
    expect(readdirSync(attempt()).sort()).toEqual(['sealed.ndjson', 'v1.0.piece.t-1.draft']);
  });

  describe('below a point that is being folded', () => {
    /** Ten minutes pass between any two looks. */
    beforeEach(() => {
      let now = 0;
      jest.spyOn(performance, 'now').mockImplementation(() => (now += 600_000));
    });
    afterEach(() => jest.restoreAllMocks());
    const locked = new EngineError(
      'ENGINE_GONE',
      'reader@t-1@1 ended at once: Is another process using the image [v1.1.e1.qcow2]?',
    );
    const gone = new EngineError('ENGINE_REFUSED', 'Could not open v1.1.e1.qcow2: No such file or directory');

    it('waits as long as that takes, and tells it once', async () => {
      for (let looks = 0; looks < 3; looks++) jest.mocked(Reader.open).mockRejectedValueOnce(locked);
      jest.mocked(Reader.open).mockRejectedValueOnce(gone);
      const told: string[] = [];
      await expect(run({ blocked: (waitsFor) => told.push(waitsFor) })).resolves.toMatchObject({ pieces: 1 });
      expect(told).toEqual(['chainLock']);
    });

    it('waits no longer than anybody wants it', async () => {
      jest.mocked(Reader.open).mockRejectedValue(locked);
      const calledOff = new AbortController();
      const blocked = () => calledOff.abort();
      await expect(run({ blocked, signal: calledOff.signal })).rejects.toMatchObject({ name: 'AbortError' });
    });

    it('takes a layer for lost that is not there and that the list still names', async () => {
      jest.mocked(Reader.open).mockRejectedValue(gone);
      await expect(run()).rejects.toBe(gone);
    });
  });

  it('is not made under the name of another point’s backup, at whatever epoch that was made', async () => {
    await run();
    const chain = join(medium, 's1/chain.json');
    writeFileSync(chain, readFileSync(chain, 'utf8').replace('2026-01-01', '2026-02-02'));
    await expect(run({}, 2)).rejects.toMatchObject({ errorClass: 'subject', code: 'BACKUP_EXISTS' });
    expect(readdirSync(join(medium, 'backups/s1'))).toEqual(['p1.e1']);
  });

  it('waits for its turn before each MiB is read', async () => {
    const turns: number[] = [];
    await run({ turn: (bytes) => Promise.resolve(void turns.push(bytes)) });
    expect(turns).toEqual([MIB, MIB]);
  });
});
