import { NbdError } from './errors';
import type { Chunk, Extent } from './protocol';

/** One answer as it comes in: whole, or in chunks, in any order, of which an error may be any. */
export class Answer {
  errno = 0;
  readonly extents: Extent[] = [];
  private bytes?: Buffer;

  constructor(
    private readonly offset: number,
    readonly readBytes: number,
  ) {}

  get data(): Buffer {
    return (this.bytes ??= Buffer.alloc(this.readBytes));
  }

  set data(whole: Buffer) {
    this.bytes = whole;
  }

  take(chunk: Chunk): void {
    switch (chunk.kind) {
      case 'nothing':
        break;
      case 'data':
        chunk.data.copy(this.data, this.within(chunk.offset, chunk.data.length));
        break;
      case 'hole': {
        const from = this.within(chunk.offset, chunk.length);
        this.data.fill(0, from, from + chunk.length);
        break;
      }
      case 'status':
        for (const { length, zero } of chunk.runs) this.extents.push({ offset: this.told(), length, zero });
        break;
      case 'error':
        this.errno = chunk.errno;
    }
  }

  private within(offset: number, length: number): number {
    const from = offset - this.offset;
    if (from < 0 || from + length > this.readBytes)
      throw new NbdError('NBD_PROTOCOL', 'an answer holds bytes that were not asked for');
    return from;
  }

  /** How far the extents reach. */
  private told(): number {
    const last = this.extents.at(-1);
    return last ? last.offset + last.length : this.offset;
  }
}
