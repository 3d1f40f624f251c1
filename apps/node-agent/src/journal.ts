import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from './claims';
import { JournalFailed } from './errors';
import { condense, decodeRecords, emptyState, encodeRecord, evolve } from './journal-records';
import type { JournalRecord, JournalState } from './journal-records';

const CONDENSE_BYTES = 8 << 20;
const KEEP_FACTS_MS = 7 * 86_400_000;

interface Batch {
  records: JournalRecord[];
  done: Promise<void>;
}

/**
 * The agent's memory, one file outside the medium: what it was told, did and said. A record counts once its batch is
 * fsynced; records that arrive meanwhile form the next batch.
 */
export class Journal {
  /** Whether the last batch could not be written. The next append tries again. */
  failed = false;
  private waiting?: Batch | undefined;
  private writing: Promise<void> = Promise.resolve();

  private constructor(
    private file: FileHandle,
    private size: number,
    readonly state: Readonly<JournalState>,
    /** `new`: there was none, or nothing in it was whole. What the node owns must be offered anew. */
    readonly kind: 'kept' | 'new',
  ) {}

  static async open(path: string, now: () => number = Date.now): Promise<Journal> {
    await mkdir(dirname(path), { recursive: true });
    const { records, wholeBytes } = decodeRecords(await readOrEmpty(path));
    const state = emptyState();
    for (const record of records) evolve(state, record);
    const kept = state.journalId !== '';
    if (kept && wholeBytes < CONDENSE_BYTES) {
      // An agent that was killed between rename and sync has left a name that a power cut would still take away.
      await syncFolder(dirname(path));
      const file = await open(path, 'r+');
      await file.truncate(wholeBytes);
      return new Journal(file, wholeBytes, state, 'kept');
    }
    if (!kept) evolve(state, { k: 'begun', journalId: randomUUID() });
    return Journal.rewrite(path, state, { kind: kept ? 'kept' : 'new', now: now() });
  }

  /** Durable, or `JournalFailed`. The state changes with the write, never before. */
  append(...records: JournalRecord[]): Promise<void> {
    if (!this.waiting) {
      const batch: Batch = { records: [], done: Promise.resolve() };
      batch.done = this.writing.then(() => this.write(batch));
      this.waiting = batch;
      this.writing = batch.done.catch(() => undefined); // those who wait for this batch are told
    }
    this.waiting.records.push(...records);
    return this.waiting.done;
  }

  async close(): Promise<void> {
    await this.writing;
    await this.file.close();
  }

  private async write(batch: Batch): Promise<void> {
    this.waiting = undefined;
    const bytes = Buffer.concat(batch.records.map(encodeRecord));
    try {
      await writeWhole(this.file, bytes, this.size);
      await this.file.datasync();
    } catch (cause) {
      this.failed = true;
      // What was half written must not be found whole beside the next batch: its writers were told that it failed.
      await this.file.truncate(this.size).catch(() => undefined);
      throw new JournalFailed(`the journal cannot be written: ${(cause as Error).message}`, { cause });
    }
    this.failed = false;
    this.size += bytes.length;
    for (const record of batch.records) evolve(this.state, record);
  }

  private static async rewrite(
    path: string,
    from: JournalState,
    { kind, now }: { kind: 'kept' | 'new'; now: number },
  ): Promise<Journal> {
    const records = condense(from, new Date(now - KEEP_FACTS_MS).toISOString());
    const bytes = Buffer.concat(records.map(encodeRecord));
    const file = await open(`${path}.new`, 'w+');
    await writeWhole(file, bytes, 0);
    await file.sync();
    await rename(`${path}.new`, path);
    await syncFolder(dirname(path));
    const state = emptyState();
    for (const record of records) evolve(state, record);
    return new Journal(file, bytes.length, state, kind);
  }
}

/** A disk that is nearly full takes a part and calls it success; only the next write is told that it is full. */
async function writeWhole(file: FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
}

async function readOrEmpty(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}
