import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { ByteReader } from './byte-reader';
import { NbdClient } from './client';

interface Asked {
  type: number;
  flags: number;
  cookie: bigint;
  length: number;
  payload: Buffer;
}

const OPTION = { go: 7, structuredReply: 8, setMetaContext: 10 };

/** A server that greets, accepts the export `v1` of 1 MiB, and then answers as the test says. */
class ScriptedServer {
  private server?: Server;
  greeting = Buffer.concat([Buffer.from('NBDMAGICIHAVEOPT'), Buffer.from([0, 3])]);
  info = exportInfo(1n << 20n, 0x0d);
  answer: (asked: Asked, socket: Socket) => void = (asked, socket) => socket.write(reply(asked.cookie));

  async listen(): Promise<{ host: string; port: number }> {
    this.server = createServer((socket) => void this.serve(socket).catch(() => socket.destroy()));
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return { host: '127.0.0.1', port: (this.server.address() as AddressInfo).port };
  }

  close(): void {
    this.server?.close();
  }

  private async serve(socket: Socket): Promise<void> {
    const reader = new ByteReader();
    socket.on('data', (chunk) => reader.push(chunk));
    socket.on('error', (error) => reader.end(error));
    socket.on('close', () => reader.end(new Error('closed')));
    socket.write(this.greeting);
    await reader.read(4); // the client's flags
    if (!(await this.negotiate(reader, socket))) return;
    for (;;) {
      const head = await reader.read(28);
      const type = head.readUInt16BE(6);
      const length = head.readUInt32BE(24);
      const payload = type === 1 ? await reader.read(length) : Buffer.alloc(0);
      this.answer({ type, flags: head.readUInt16BE(4), cookie: head.readBigUInt64BE(8), length, payload }, socket);
    }
  }

  /** Whether the export is one that it has. */
  private async negotiate(reader: ByteReader, socket: Socket): Promise<boolean> {
    for (;;) {
      const head = await reader.read(16);
      const option = head.readUInt32BE(8);
      const body = await reader.read(head.readUInt32BE(12));
      if (option === OPTION.structuredReply) socket.write(optionReply(1));
      if (option === OPTION.setMetaContext)
        socket.write(Buffer.concat([optionReply(4, Buffer.alloc(4)), optionReply(1)]));
      if (option !== OPTION.go) continue;
      const isKnown = body.subarray(4, 4 + body.readUInt32BE(0)).toString() === 'v1';
      socket.write(isKnown ? Buffer.concat([optionReply(3, this.info), optionReply(1)]) : optionReply(0x80000006));
      return isKnown;
    }
  }
}

function exportInfo(sizeBytes: bigint, flags: number): Buffer {
  const info = Buffer.alloc(12);
  info.writeBigUInt64BE(sizeBytes, 2);
  info.writeUInt16BE(flags, 10);
  return info;
}

function optionReply(type: number, body: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(20);
  head.writeBigUInt64BE(0x3e889045565a9n, 0);
  head.writeUInt32BE(7, 8);
  head.writeUInt32BE(type, 12);
  head.writeUInt32BE(body.length, 16);
  return Buffer.concat([head, body]);
}

function reply(cookie: bigint, { errno = 0, data = Buffer.alloc(0) } = {}): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt32BE(0x67446698, 0);
  head.writeUInt32BE(errno, 4);
  head.writeBigUInt64BE(cookie, 8);
  return Buffer.concat([head, data]);
}

/** Of the one context that was asked for: runs that hold data, of these lengths. */
function statusReply(cookie: bigint, lengths: number[]): Buffer {
  const chunk = Buffer.alloc(20 + 4 + 8 * lengths.length);
  chunk.writeUInt32BE(0x668e33ef, 0);
  chunk.writeUInt16BE(1, 4); // the last of its answer
  chunk.writeUInt16BE(5, 6);
  chunk.writeBigUInt64BE(cookie, 8);
  chunk.writeUInt32BE(chunk.length - 20, 16);
  lengths.forEach((length, nth) => chunk.writeUInt32BE(length, 24 + 8 * nth));
  return chunk;
}

describe('NbdClient', () => {
  let server: ScriptedServer;
  let client: NbdClient | undefined;
  const connect = async (name = 'v1', timeoutMs = 1_000) =>
    (client = await NbdClient.connect(await server.listen(), name, { timeoutMs }));

  beforeEach(() => (server = new ScriptedServer()));
  afterEach(() => {
    client?.close();
    server.close();
  });

  it('learns size and flags of the export', async () => {
    expect(await connect()).toMatchObject({ sizeBytes: 1 << 20, flags: 0x0d });
  });

  it('refuses an unknown export by NBD_REFUSED', async () => {
    await expect(connect('v9')).rejects.toMatchObject({ code: 'NBD_REFUSED', message: 'export unknown: v9' });
  });

  it('refuses a server that does not speak fixed newstyle', async () => {
    server.greeting = Buffer.alloc(18, 'x');
    await expect(connect()).rejects.toMatchObject({ code: 'NBD_PROTOCOL', retryable: false });
  });

  it('refuses a server that tells half of what an export is', async () => {
    server.info = server.info.subarray(0, 6);
    await expect(connect()).rejects.toMatchObject({ code: 'NBD_PROTOCOL' });
  });

  it('gives up a handshake that does not come by the deadline', async () => {
    server.greeting = Buffer.alloc(0);
    await expect(connect('v1', 30)).rejects.toMatchObject({ code: 'NBD_TIMEOUT' });
  });

  it('says NBD_UNREACHABLE where nobody listens', async () => {
    await expect(NbdClient.connect({ path: '/nonexistent/nbd' }, 'v1')).rejects.toMatchObject({
      code: 'NBD_UNREACHABLE',
    });
  });

  it('matches answers to requests by cookie, in whatever order they come', async () => {
    const asked: Asked[] = [];
    server.answer = (request, socket) => {
      asked.push(request);
      if (asked.length < 3) return;
      for (const { cookie, length } of asked.toReversed())
        socket.write(reply(cookie, { data: Buffer.alloc(length, length) }));
    };
    const nbd = await connect();
    const all = await Promise.all([nbd.read(0, 1), nbd.read(4096, 2), nbd.read(0, 3)]);
    expect(all).toEqual([Buffer.alloc(1, 1), Buffer.alloc(2, 2), Buffer.alloc(3, 3)]);
  });

  it('reads answers that arrive a byte at a time', async () => {
    server.answer = ({ cookie }, socket) => {
      for (const byte of reply(cookie, { data: Buffer.from('abcd') })) socket.write(Buffer.from([byte]));
    };
    expect((await (await connect()).read(0, 4)).toString()).toBe('abcd');
  });

  it('sends FUA only when asked for', async () => {
    const flags: number[] = [];
    server.answer = (asked, socket) => {
      flags.push(asked.flags);
      socket.write(reply(asked.cookie));
    };
    const nbd = await connect();
    await nbd.write(0, Buffer.alloc(8));
    await nbd.write(0, Buffer.alloc(8), { fua: true });
    expect(flags).toEqual([0, 1]);
  });

  it('names the errno of a failed request and lives on', async () => {
    server.answer = ({ cookie, type }, socket) => socket.write(reply(cookie, { errno: type === 1 ? 28 : 0 }));
    const nbd = await connect();
    await expect(nbd.write(0, Buffer.alloc(8))).rejects.toMatchObject({ code: 'NBD_IO', errno: 'ENOSPC' });
    await nbd.flush();
  });

  it('fails everything in flight when one answer misses its deadline', async () => {
    server.answer = () => undefined;
    const nbd = await connect('v1', 50);
    const [read, flush] = await Promise.allSettled([nbd.read(0, 8), nbd.flush()]);
    expect(read).toMatchObject({ reason: { code: 'NBD_TIMEOUT' } });
    expect(flush).toMatchObject({ reason: { code: 'NBD_TIMEOUT' } });
    await expect(nbd.flush()).rejects.toMatchObject({ code: 'NBD_TIMEOUT' });
    expect(nbd.closed).toBe(true);
  });

  it('fails what is in flight by NBD_CLOSED when the server goes away', async () => {
    server.answer = (_, socket) => socket.destroy();
    const nbd = await connect();
    await expect(nbd.read(0, 8)).rejects.toMatchObject({ code: 'NBD_CLOSED' });
  });

  it('is gone once it said goodbye, though the server hangs', async () => {
    const hung = new Promise<Socket>((resolve) => (server.answer = (_, socket) => resolve(socket.pause())));
    const nbd = await connect();
    const { socket } = nbd as unknown as { socket: Socket };
    const closed = once(socket, 'close');
    const flush = expect(nbd.flush()).rejects.toMatchObject({ code: 'NBD_CLOSED' });
    const theirs = await hung;
    nbd.close();
    await Promise.all([closed, flush]);
    theirs.destroy();
  });

  it.each([
    { told: 'no extent', lengths: [] },
    { told: 'an extent of no length', lengths: [0] },
  ])('takes $told for no block status: who asks on would never come forward', async ({ lengths }) => {
    server.answer = ({ cookie }, socket) => socket.write(statusReply(cookie, lengths));
    client = await NbdClient.connect(await server.listen(), 'v1', { timeoutMs: 1_000, allocation: true });
    await expect(client.blockStatus(0, 4096)).rejects.toMatchObject({ code: 'NBD_PROTOCOL' });
  });

  it('ends the connection on an answer that nobody asked for', async () => {
    server.answer = (_, socket) => socket.write(reply(99n));
    await expect((await connect()).read(0, 8)).rejects.toMatchObject({ code: 'NBD_PROTOCOL' });
  });
});
