import { appendFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Facts } from './facts';
import { serveOrder } from './fixture';
import { Journal } from './journal';
import { condense, decodeRecords, emptyState, encodeRecord, evolve, type JournalRecord } from './journal-records';

function condensed(journal: Journal) {
  const state = emptyState();
  for (const record of condense(journal.state, '')) evolve(state, record);
  return state;
}

interface Inner {
  file: { handle: FileHandle };
}

describe('the journal', () => {
  let folder: string;
  let path: string;
  const open: Journal[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-journal-'));
    path = join(folder, 'journal');
  });
  afterEach(async () => {
    for (const journal of open.splice(0)) await journal.close();
    rmSync(folder, { recursive: true });
  });
  const opened = async (now?: number) => {
    const journal = await Journal.open(path, now === undefined ? undefined : () => now);
    open.push(journal);
    return journal;
  };
  const speaker = { clusterId: 'alpha', nodeId: 'n1', incarnation: 'i1' };
  const stopped = { type: 'TaskStopped' as const, data: { taskId: 't', epoch: 1, token: null, doneBytes: 0 } };

  it('remembers epochs, orders, stops, offsets and heads over a restart', async () => {
    const journal = await opened();
    await journal.append({ k: 'order', order: serveOrder(3) }, { k: 'epoch', route: 'serve-s2', epoch: 8 });
    await journal.append(
      { k: 'order', order: serveOrder(1, { systemId: 's3' }) },
      { k: 'stop', route: 'serve-s3', epoch: 1 },
    );
    await journal.append({ k: 'offset', topic: 't', offset: '17' }, { k: 'head', stream: 's', version: 4, id: 'x' });
    const again = await opened();
    expect(again.kind).toBe('kept');
    expect(again.state).toEqual(journal.state);
    expect([...again.state.epochs]).toEqual([
      ['serve-s1', 3],
      ['serve-s2', 8],
      ['serve-s3', 1],
    ]);
    expect([...again.state.serving.keys()]).toEqual(['serve-s1']);
  });

  it('remembers which tasks it carries, until each has stopped at its epoch or a higher one', async () => {
    const journal = await opened();
    const carry = (taskId: string, epoch: number) => ({ k: 'carry', taskId, epoch }) as const;
    await journal.append(carry('t-1', 1), carry('t-2', 4), carry('t-3', 2));
    await journal.append({ k: 'stop', route: 't-2', epoch: 3 }, { k: 'stop', route: 't-3', epoch: 2 });
    expect([...(await opened()).state.carrying]).toEqual([
      ['t-1', 1],
      ['t-2', 4],
    ]);
    expect([...condensed(journal).carrying]).toEqual([...journal.state.carrying]);
    expect(condensed(journal).epochs).toEqual(journal.state.epochs);
  });

  it('forgets a task that is over, and no other', async () => {
    const journal = await opened();
    await journal.append({ k: 'carry', taskId: 't-1', epoch: 1 }, { k: 'carry', taskId: 't-2', epoch: 4 });
    await journal.append({ k: 'over', taskId: 't-1' });
    for (const { epochs, carrying } of [journal.state, (await opened()).state, condensed(journal)]) {
      expect([...epochs]).toEqual([['t-2', 4]]);
      expect([...carrying]).toEqual([['t-2', 4]]);
    }
  });

  it('remembers what is to be tidied up after a task until that is done', async () => {
    const journal = await opened();
    const ending = { kind: 'scrub' as const, taskId: 't-1', backup: { systemId: 's1', pointId: 'p1' } };
    await journal.append({ k: 'ending', ending });
    for (const { endings } of [(await opened()).state, condensed(journal)])
      expect([...endings.values()]).toEqual([ending]);
    await journal.append({ k: 'over', taskId: 't-1' });
    expect((await opened()).state.endings.size).toBe(0);
  });

  it('never lowers an epoch', async () => {
    const journal = await opened();
    await journal.append({ k: 'epoch', route: 'r', epoch: 8 }, { k: 'epoch', route: 'r', epoch: 7 });
    expect(journal.state.epochs.get('r')).toBe(8);
  });

  it('gives facts dense versions and goes on with them after a restart', async () => {
    const facts = new Facts(await opened(), speaker);
    await Promise.all([facts.tell(stopped), facts.tell(stopped)]);
    const again = await opened();
    await new Facts(again, speaker).tell(stopped);
    expect(again.state.facts.map(({ version }) => version)).toEqual([1, 2, 3]);
  });

  it('makes records that belong together durable together', async () => {
    const journal = await opened();
    await journal.append({ k: 'order', order: serveOrder(1) });
    await new Facts(journal, speaker).tell(stopped, undefined, { k: 'stop', route: 'serve-s1', epoch: 1 });
    const [stop, fact] = decodeRecords(readFileSync(path)).records.slice(-2);
    expect([stop?.k, fact?.k]).toEqual(['stop', 'fact']);
  });

  it('cut at every byte, it holds exactly the records that were whole, and takes new ones', async () => {
    const records: JournalRecord[] = [
      { k: 'begun', journalId: 'j' },
      { k: 'epoch', route: 'serve-é', epoch: 1 },
      { k: 'sent', version: 1 },
      { k: 'epoch', route: 'r', epoch: 2 },
    ];
    const lines = records.map(encodeRecord);
    const whole = Buffer.concat(lines);
    const ends = lines.map((_, i) => Buffer.concat(lines.slice(0, i + 1)).length);
    for (let cut = 0; cut <= whole.length; cut++) {
      const expected = ends.filter((end) => end <= cut).length;
      expect(decodeRecords(whole.subarray(0, cut)).records).toEqual(records.slice(0, expected));
    }
    writeFileSync(path, whole.subarray(0, whole.length - 3));
    const journal = await opened();
    await journal.append({ k: 'epoch', route: 'r', epoch: 9 });
    expect((await opened()).state.epochs.get('r')).toBe(9);
  });

  it('stops at a damaged record', () => {
    const bytes = Buffer.concat([encodeRecord({ k: 'sent', version: 1 }), encodeRecord({ k: 'sent', version: 2 })]);
    bytes[bytes.length - 4]! ^= 1;
    expect(decodeRecords(bytes).records).toEqual([{ k: 'sent', version: 1 }]);
  });

  it('is new where nothing is whole', async () => {
    writeFileSync(path, 'rubbish');
    const journal = await opened();
    expect([journal.kind, journal.state.version]).toEqual(['new', 0]);
  });

  it('tells a full disk, keeps its state, and goes on without a gap when there is room again', async () => {
    const journal = await opened();
    const facts = new Facts(journal, speaker);
    const { handle } = (journal as unknown as Inner).file;
    const sync = jest.spyOn(handle, 'datasync').mockRejectedValue(Object.assign(new Error('full'), { code: 'ENOSPC' }));
    await expect(facts.tell(stopped)).rejects.toMatchObject({ code: 'JOURNAL_FAILED' });
    expect([journal.failed, journal.state.version]).toEqual([true, 0]);
    sync.mockRestore();
    await facts.tell(stopped);
    expect([journal.failed, (await opened()).state.facts.map(({ version }) => version)]).toEqual([false, [1]]);
  });

  it('holds nothing of a batch that failed, though the disk would not even let go of it', async () => {
    const journal = await opened();
    const { handle } = (journal as unknown as Inner).file;
    const fails = () => Promise.reject(Object.assign(new Error('broken'), { code: 'EIO' }));
    const [sync, truncate] = [jest.spyOn(handle, 'datasync'), jest.spyOn(handle, 'truncate')];
    for (const call of [sync, truncate]) call.mockImplementationOnce(fails);
    const failed = journal.append({ k: 'epoch', route: 'r', epoch: 1 }, { k: 'epoch', route: 'r', epoch: 7 });
    await expect(failed).rejects.toMatchObject({ code: 'JOURNAL_FAILED' });
    await journal.append({ k: 'epoch', route: 'r', epoch: 2 }); // as long as the first of those
    expect((await opened()).state.epochs.get('r')).toBe(2);
  });

  it('goes on where a nearly full disk took only a part', async () => {
    const journal = await opened();
    const file = (journal as unknown as Inner).file.handle;
    const write = file.write.bind(file) as (bytes: Buffer, from: number, length: number, at: number) => unknown;
    const partly = (bytes: Buffer, from: number, length: number, at: number) =>
      write(bytes, from, Math.ceil(length / 2), at);
    const spy = jest.spyOn(file, 'write').mockImplementation(partly as never);
    await journal.append({ k: 'epoch', route: 'r', epoch: 1 });
    spy.mockRestore();
    await journal.append({ k: 'epoch', route: 'r', epoch: 2 });
    const epochs = decodeRecords(readFileSync(path)).records.map((record) => record.k === 'epoch' && record.epoch);
    expect(epochs.slice(-2)).toEqual([1, 2]);
  });

  const long: JournalRecord = { k: 'effect', name: 'x'.repeat(9 << 20), route: 'r', epoch: 1, at: '' };

  it('drops facts that are sent and older than 7 days when it is condensed, and none that wait', async () => {
    const journal = await opened();
    const facts = new Facts(journal, speaker);
    await facts.tell(stopped);
    await facts.tell(stopped);
    await journal.append({ k: 'sent', version: 1 });
    appendFileSync(path, encodeRecord(long)); // beside the first one, which would condense it at the same moment
    const again = await opened(Date.now() + 8 * 86_400_000);
    expect(again.state.facts.map(({ version }) => version)).toEqual([2]);
    expect([again.kind, again.state.version, again.state.sent]).toEqual(['kept', 2, 1]);
    expect(readFileSync(path).length).toBeLessThan(10_000);
  });

  it('is condensed while it runs once it is long, and takes what comes after', async () => {
    const journal = await opened();
    await journal.append({ k: 'epoch', route: 'r', epoch: 1 });
    await journal.append(long);
    await journal.append({ k: 'epoch', route: 'r', epoch: 2 });
    expect(readFileSync(path).length).toBeLessThan(10_000);
    expect((await opened()).state).toEqual(journal.state);
    expect(journal.state.epochs.get('r')).toBe(2);
  });

  it('goes on with the long file, running or starting, where there is no room for a second', async () => {
    const journal = await opened();
    symlinkSync('/dev/full', `${path}.new`);
    await journal.append(long);
    await journal.append({ k: 'epoch', route: 'r', epoch: 7 });
    expect(readFileSync(path).length).toBeGreaterThan(9 << 20);
    symlinkSync('/dev/full', `${path}.new`); // the first was taken away as a draft that came to nothing
    const again = await opened();
    await again.append({ k: 'epoch', route: 'r', epoch: 8 });
    expect(readFileSync(path).length).toBeGreaterThan(9 << 20);
    expect([again.kind, again.failed, (await opened()).state.epochs.get('r')]).toEqual(['kept', false, 8]);
  });
});
