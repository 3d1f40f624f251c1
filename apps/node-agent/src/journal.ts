import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, type FileHandle } from 'node:fs/promises';
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

/** A journal as it lies on its disk. */
interface OpenFile {
  handle: FileHandle;
  size: number;
  state: JournalState;
}

/**
 * The agent's memory, one file outside the medium: what it was told, did and said. A record counts once its batch is
 * fsynced; records that arrive meanwhile form the next batch. A long file is condensed between two batches.
 */
export class Journal {
  /** Whether the last batch could not be written. The next append tries again. */
  failed = false;
  private waiting?: Batch | undefined;
  private writing: Promise<void> = Promise.resolve();
  /** After a rename, a power cut may still bring the old file back: the next batch counts only once the name is kept. */
  private nameSynced = false;
  private condenseAtBytes = CONDENSE_BYTES;

  private constructor(
    private readonly path: string,
    private file: OpenFile,
    /** `new`: there was none, or nothing in it was whole. What the node owns must be offered anew. */
    readonly kind: 'kept' | 'new',
    private readonly now: () => number,
  ) {}

  get state(): Readonly<JournalState> {
    return this.file.state;
  }

  static async open(path: string, now: () => number = Date.now): Promise<Journal> {
    await mkdir(dirname(path), { recursive: true });
    const { records, wholeBytes } = decodeRecords(await readOrEmpty(path));
    const state = stateOf(records);
    if (state.journalId === '') {
      const file = await rewrite(path, [{ k: 'begun', journalId: randomUUID() }]);
      return new Journal(path, file, 'new', now);
    }
    const handle = await open(path, 'r+');
    await handle.truncate(wholeBytes);
    const journal = new Journal(path, { handle, size: wholeBytes, state }, 'kept', now);
    await journal.condenseIfLong();
    return journal;
  }

  /** Durable, or `JournalFailed`. The state changes with the write, never before. */
  append(...records: JournalRecord[]): Promise<void> {
    if (!this.waiting) {
      const batch: Batch = { records: [], done: Promise.resolve() };
      batch.done = this.writing.then(() => this.write(batch));
      this.waiting = batch;
      // Those who wait for this batch are told of its failure, and wait for nothing beyond it.
      this.writing = batch.done.catch(() => undefined).then(() => this.condenseIfLong());
    }
    this.waiting.records.push(...records);
    return this.waiting.done;
  }

  async close(): Promise<void> {
    await this.writing;
    await this.file.handle.close();
  }

  private async write(batch: Batch): Promise<void> {
    this.waiting = undefined;
    const { handle, size, state } = this.file;
    const bytes = Buffer.concat(batch.records.map(encodeRecord));
    try {
      // What a failed batch left may be longer than this one: the rest of it must not be found whole behind this.
      if (this.failed) await handle.truncate(size);
      await writeWhole(handle, bytes, size);
      await handle.datasync();
      if (!this.nameSynced) await syncFolder(dirname(this.path));
      this.nameSynced = true;
    } catch (cause) {
      this.failed = true;
      // Its writers are told that it failed: the next start must not find it whole. If this fails too, the next batch does it.
      await handle.truncate(size).catch(() => undefined);
      throw new JournalFailed(`the journal cannot be written: ${(cause as Error).message}`, { cause });
    }
    this.failed = false;
    this.file.size += bytes.length;
    for (const record of batch.records) evolve(state, record);
  }

  private async condenseIfLong(): Promise<void> {
    const { handle, size, state } = this.file;
    if (size < this.condenseAtBytes) return;
    try {
      const keepFrom = new Date(this.now() - KEEP_FACTS_MS).toISOString();
      this.file = await rewrite(this.path, condense(state, keepFrom));
      this.nameSynced = false;
      await handle.close();
    } catch {
      // No room for a second file: the long one is whole, and is written on.
    }
    // What cannot be made shorter is not tried again with each batch.
    this.condenseAtBytes = Math.max(CONDENSE_BYTES, 2 * this.file.size);
  }
}

/** In the place of what is there, or not at all. */
async function rewrite(path: string, records: JournalRecord[]): Promise<OpenFile> {
  const bytes = Buffer.concat(records.map(encodeRecord));
  const draft = `${path}.new`;
  const handle = await open(draft, 'w+');
  try {
    await writeWhole(handle, bytes, 0);
    await handle.sync();
    await rename(draft, path);
  } catch (error) {
    await handle.close();
    await rm(draft, { force: true }); // the room is needed
    throw error;
  }
  return { handle, size: bytes.length, state: stateOf(records) };
}

function stateOf(records: JournalRecord[]): JournalState {
  const state = emptyState();
  for (const record of records) evolve(state, record);
  return state;
}

/** A disk that is nearly full takes a part and calls it success; only the next write is told that it is full. */
export async function writeWhole(file: FileHandle, bytes: Buffer, at: number): Promise<void> {
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
