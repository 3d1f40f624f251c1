/** Turns the chunks of a socket into reads of exact lengths. One reader waits at a time. */
export class ByteReader {
  private chunks: Buffer[] = [];
  private available = 0;
  private waiting?: { length: number; resolve(bytes: Buffer): void; reject(error: Error): void } | undefined;
  private ended?: Error;

  push(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.available += chunk.length;
    this.serve();
  }

  /** No more will come: whoever waits for more than there is gets this error. */
  end(error: Error): void {
    this.ended ??= error;
    this.waiting?.reject(this.ended);
    this.waiting = undefined;
  }

  read(length: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.ended) return reject(this.ended);
      this.waiting = { length, resolve, reject };
      this.serve();
    });
  }

  private serve(): void {
    const { waiting } = this;
    if (!waiting || this.available < waiting.length) return;
    this.waiting = undefined;
    waiting.resolve(this.take(waiting.length));
  }

  private take(length: number): Buffer {
    const all = this.chunks.length === 1 ? this.chunks[0]! : Buffer.concat(this.chunks);
    this.available = all.length - length;
    this.chunks = this.available > 0 ? [all.subarray(length)] : [];
    return all.subarray(0, length);
  }
}
