import { connect, createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

/** A way to PostgreSQL that can be cut at a commit: before it arrives there, or before its answer arrives here. */
export class SeverableLink {
  private next: 'before' | 'after' | undefined;
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly target: number,
  ) {
    server.on('connection', (near) => this.join(near));
  }

  static async to(url: string): Promise<SeverableLink> {
    const server = createServer();
    const link = new SeverableLink(server, Number(new URL(url).port));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return link;
  }

  /** The same url, by way of this link. */
  urlOf(url: string): string {
    const through = new URL(url);
    through.port = String((this.server.address() as AddressInfo).port);
    return through.href;
  }

  /** Cuts every connection once, at the next commit. */
  cutAtCommit(when: 'before' | 'after'): void {
    this.next = when;
  }

  async close(): Promise<void> {
    this.cutAll();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private join(near: Socket): void {
    const far = connect(this.target, '127.0.0.1');
    let severed = false;
    for (const socket of [near, far]) {
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => [near, far].forEach((end) => end.destroy()));
    }
    near.on('data', (bytes) => {
      if (this.next === undefined || !bytes.includes('commit\0')) return void far.write(bytes);
      severed = this.next === 'after';
      this.next = undefined;
      if (severed) far.write(bytes);
      else this.cutAll();
    });
    far.on('data', (bytes) => {
      // PostgreSQL has committed, and nobody here will hear of it.
      if (severed) this.cutAll();
      else near.write(bytes);
    });
  }

  private cutAll(): void {
    for (const socket of this.sockets) socket.destroy();
    this.sockets.clear();
  }
}
