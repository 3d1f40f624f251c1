import { connect, type Socket } from 'node:net';
import { Answer } from './answer';
import { ByteReader } from './byte-reader';
import { NbdError } from './errors';
import * as wire from './protocol';

export type NbdTarget = { host: string; port: number } | { path: string };

export interface NbdOptions {
  /** For the handshake, and again for each request. */
  timeoutMs?: number;
  /** Asks for `base:allocation`, so that `blockStatus` can tell what reads as zeroes. */
  allocation?: boolean;
}

interface InFlight {
  readonly name: string;
  readonly timer: NodeJS.Timeout;
  readonly answer: Answer;
  resolve(answer: Answer): void;
  reject(error: NbdError): void;
}

const DEFAULT_TIMEOUT_MS = 5_000;
/** No chunk of ours is longer than what was asked for, and nobody asks for more at once. */
const LONGEST_CHUNK_BYTES = 64 << 20;

/**
 * One connection to one export. Requests may be in flight together; answers may come in any order. A request that
 * misses its deadline ends the connection, for nobody knows any more what the server will still do with it.
 */
export class NbdClient {
  sizeBytes = 0;
  /** The transmission flags that the server told. */
  flags = 0;

  private readonly reader = new ByteReader();
  private readonly inFlight = new Map<bigint, InFlight>();
  private nextCookie = 1n;
  private failure?: NbdError;
  private tellsStatus = false;

  private constructor(
    private readonly socket: Socket,
    private readonly timeoutMs: number,
  ) {
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.reader.push(chunk));
    socket.on('error', (cause) =>
      this.fail(new NbdError('NBD_CLOSED', `connection lost: ${cause.message}`, { cause })),
    );
    socket.on('close', () => this.fail(new NbdError('NBD_CLOSED', 'the server closed the connection')));
  }

  static async connect(target: NbdTarget, exportName: string, options: NbdOptions = {}): Promise<NbdClient> {
    const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const deadline = performance.now() + timeoutMs;
    const client = new NbdClient(await open(target, timeoutMs), timeoutMs);
    const late = () => client.fail(new NbdError('NBD_TIMEOUT', `no handshake within ${timeoutMs} ms`));
    const timer = setTimeout(late, Math.max(1, deadline - performance.now()));
    try {
      await client.negotiate(exportName, options.allocation ?? false);
    } catch (thrown) {
      const error = asNbdError(thrown);
      client.fail(error);
      throw error;
    } finally {
      clearTimeout(timer);
    }
    void client.receiveReplies();
    return client;
  }

  get closed(): boolean {
    return this.failure !== undefined;
  }

  async read(offset: number, length: number): Promise<Buffer> {
    return (await this.request('read', { type: wire.command.read, offset, length })).data;
  }

  /** What reads as zeroes from here on. The server may tell less than was asked, but always something: who asks on comes forward. */
  async blockStatus(offset: number, length: number): Promise<wire.Extent[]> {
    if (!this.tellsStatus) throw new NbdError('NBD_REFUSED', 'block status was not asked for at connect');
    const { extents } = await this.request('block status', { type: wire.command.blockStatus, offset, length });
    if (!extents.some((extent) => extent.length > 0))
      throw new NbdError('NBD_PROTOCOL', `the server tells nothing of the ${length} bytes at ${offset}`);
    return extents;
  }

  async write(offset: number, data: Buffer, { fua = false }: { fua?: boolean } = {}): Promise<void> {
    const flags = fua ? wire.CMD_FLAG_FUA : 0;
    await this.request('write', { type: wire.command.write, flags, offset, length: data.length }, data);
  }

  async flush(): Promise<void> {
    await this.request('flush', { type: wire.command.flush, offset: 0, length: 0 });
  }

  /** Says goodbye and ends the connection. What is still in flight fails with `NBD_CLOSED`. */
  close(): void {
    if (this.failure) return;
    this.socket.write(wire.encodeRequest({ type: wire.command.disconnect, cookie: 0n, offset: 0, length: 0 }));
    // Not `end`: it would wait for the other side's goodbye, and one that hangs says none.
    this.socket.destroySoon();
    this.fail(new NbdError('NBD_CLOSED', 'closed by ourselves'), { keepSocket: true });
  }

  private async negotiate(exportName: string, allocation: boolean): Promise<void> {
    wire.checkGreeting(await this.reader.read(wire.GREETING_BYTES));
    this.socket.write(wire.encodeClientFlags());
    if (allocation) await this.negotiateStatus(exportName);
    for (const { kind, body } of await this.option(exportName, wire.encodeGo(exportName)))
      if (kind === 'info') Object.assign(this, wire.decodeExportInfo(body));
  }

  private async negotiateStatus(exportName: string): Promise<void> {
    await this.option(exportName, wire.encodeStructuredReply());
    const told = await this.option(exportName, wire.encodeSetMetaContext(exportName, 'base:allocation'));
    if (!told.some(({ kind }) => kind === 'context'))
      throw new NbdError('NBD_REFUSED', `the server does not tell what is allocated: ${exportName}`);
    this.tellsStatus = true;
  }

  /** What the server tells about one option, until it has acknowledged it. */
  private async option(exportName: string, option: Buffer): Promise<{ kind: 'info' | 'context'; body: Buffer }[]> {
    this.socket.write(option);
    const told: { kind: 'info' | 'context'; body: Buffer }[] = [];
    for (;;) {
      const { reply, length } = wire.decodeOptionReply(await this.reader.read(wire.OPTION_REPLY_BYTES));
      const body = await this.reader.read(length);
      if (reply.kind === 'refused') throw new NbdError('NBD_REFUSED', `${reply.reason}: ${exportName}`);
      if (reply.kind === 'ack') return told;
      told.push({ kind: reply.kind, body });
    }
  }

  private request(name: string, request: Omit<wire.Request, 'cookie'>, payload?: Buffer): Promise<Answer> {
    if (this.failure) return Promise.reject(this.failure);
    const cookie = this.nextCookie++;
    return new Promise((resolve, reject) => {
      const silent = () => this.fail(new NbdError('NBD_TIMEOUT', `${name} unanswered for ${this.timeoutMs} ms`));
      // An answer that came while this process itself did not run is not late: what lies in the socket is read first.
      const late = () => setImmediate(() => this.inFlight.has(cookie) && silent());
      const answer = new Answer(request.offset, request.type === wire.command.read ? request.length : 0);
      this.inFlight.set(cookie, { name, answer, timer: setTimeout(late, this.timeoutMs), resolve, reject });
      this.socket.cork();
      this.socket.write(wire.encodeRequest({ ...request, cookie }));
      if (payload) this.socket.write(payload);
      this.socket.uncork();
    });
  }

  private async receiveReplies(): Promise<void> {
    try {
      for (;;) await this.receiveReply();
    } catch (error) {
      this.fail(asNbdError(error));
    }
  }

  private async receiveReply(): Promise<void> {
    const header = await this.reader.read(wire.REPLY_BYTES);
    if (wire.isChunk(header)) return this.receiveChunk(header);
    const { cookie, errno } = wire.decodeReply(header);
    const request = this.requestOf(cookie);
    if (errno === 0) request.answer.data = await this.reader.read(request.answer.readBytes);
    request.answer.errno = errno;
    this.settle(cookie, request);
  }

  private async receiveChunk(header: Buffer): Promise<void> {
    const { cookie, type, done } = wire.decodeChunkHeader(header);
    const length = (await this.reader.read(wire.CHUNK_LENGTH_BYTES)).readUInt32BE(0);
    if (length > LONGEST_CHUNK_BYTES) throw new NbdError('NBD_PROTOCOL', `a chunk of ${length} bytes`);
    const request = this.requestOf(cookie);
    request.answer.take(wire.decodeChunk(type, await this.reader.read(length)));
    if (done) this.settle(cookie, request);
  }

  private requestOf(cookie: bigint): InFlight {
    const request = this.inFlight.get(cookie);
    if (!request) throw new NbdError('NBD_PROTOCOL', `an answer to request ${cookie}, which was never made`);
    return request;
  }

  private settle(cookie: bigint, { name, answer, timer, resolve, reject }: InFlight): void {
    this.inFlight.delete(cookie);
    clearTimeout(timer);
    if (answer.errno === 0) return resolve(answer);
    const errno = wire.errnoName(answer.errno);
    reject(new NbdError('NBD_IO', `${name} failed: ${errno}`, { errno }));
  }

  private fail(error: NbdError, { keepSocket = false } = {}): void {
    if (this.failure) return;
    this.failure = error;
    if (!keepSocket) this.socket.destroy();
    this.reader.end(error);
    for (const { timer, reject } of this.inFlight.values()) {
      clearTimeout(timer);
      reject(error);
    }
    this.inFlight.clear();
  }
}

function open(target: NbdTarget, timeoutMs: number): Promise<Socket> {
  const where = 'path' in target ? target.path : `${target.host}:${target.port}`;
  return new Promise((resolve, reject) => {
    const socket = connect(target);
    const timer = setTimeout(
      () => give(new NbdError('NBD_TIMEOUT', `${where} unanswered for ${timeoutMs} ms`)),
      timeoutMs,
    );
    const give = (error: NbdError) => {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    };
    const refused = (cause: Error) => give(new NbdError('NBD_UNREACHABLE', `${where}: ${cause.message}`, { cause }));
    socket.once('error', refused);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', refused);
      resolve(socket);
    });
  });
}

function asNbdError(error: unknown): NbdError {
  return error instanceof NbdError ? error : new NbdError('NBD_PROTOCOL', 'the connection failed', { cause: error });
}
