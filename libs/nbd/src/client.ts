import { connect, type Socket } from 'node:net';
import { ByteReader } from './byte-reader';
import { NbdError } from './errors';
import * as wire from './protocol';

export type NbdTarget = { host: string; port: number } | { path: string };

export interface NbdOptions {
  /** For the handshake, and again for each request. */
  timeoutMs?: number;
}

interface InFlight {
  readonly name: string;
  readonly readBytes: number;
  readonly timer: NodeJS.Timeout;
  resolve(data: Buffer): void;
  reject(error: NbdError): void;
}

const DEFAULT_TIMEOUT_MS = 5_000;

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
      await client.negotiate(exportName);
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

  read(offset: number, length: number): Promise<Buffer> {
    return this.request('read', { type: wire.command.read, offset, length });
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

  private async negotiate(exportName: string): Promise<void> {
    wire.checkGreeting(await this.reader.read(wire.GREETING_BYTES));
    this.socket.write(wire.encodeGo(exportName));
    for (;;) {
      const { reply, length } = wire.decodeOptionReply(await this.reader.read(wire.OPTION_REPLY_BYTES));
      const body = await this.reader.read(length);
      if (reply.kind === 'refused') throw new NbdError('NBD_REFUSED', `${reply.reason}: ${exportName}`);
      if (reply.kind === 'ack') return;
      Object.assign(this, wire.decodeExportInfo(body));
    }
  }

  private request(name: string, request: Omit<wire.Request, 'cookie'>, payload?: Buffer): Promise<Buffer> {
    if (this.failure) return Promise.reject(this.failure);
    const cookie = this.nextCookie++;
    return new Promise((resolve, reject) => {
      const silent = () => this.fail(new NbdError('NBD_TIMEOUT', `${name} unanswered for ${this.timeoutMs} ms`));
      // An answer that came while this process itself did not run is not late: what lies in the socket is read first.
      const late = () => setImmediate(() => this.inFlight.has(cookie) && silent());
      const readBytes = request.type === wire.command.read ? request.length : 0;
      this.inFlight.set(cookie, { name, readBytes, timer: setTimeout(late, this.timeoutMs), resolve, reject });
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
    const { cookie, errno } = wire.decodeReply(await this.reader.read(wire.REPLY_BYTES));
    const request = this.inFlight.get(cookie);
    if (!request) throw new NbdError('NBD_PROTOCOL', `an answer to request ${cookie}, which was never made`);
    const data = errno === 0 && request.readBytes > 0 ? await this.reader.read(request.readBytes) : Buffer.alloc(0);
    this.inFlight.delete(cookie);
    clearTimeout(request.timer);
    if (errno === 0) return request.resolve(data);
    const name = wire.errnoName(errno);
    request.reject(new NbdError('NBD_IO', `${request.name} failed: ${name}`, { errno: name }));
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
