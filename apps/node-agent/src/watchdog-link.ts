import { unlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { FleetError } from '@holdfast/kernel';
import { identify } from './process-identity';
import { onLines, shortest } from './qmp';

/** Another agent lives on this state folder. */
export class AgentAlreadyRuns extends FleetError {
  readonly code = 'AGENT_ALREADY_RUNS';
  readonly retryable = false;
  override readonly remedy = 'stop the running agent, or give this one a state folder of its own';
}

const ALIVE_MS = 3_000;

/** The agent's end of `run/agent.sock`: binding it is the lock of the state folder, and the watchdog's pulse comes in. */
export class WatchdogLink {
  private lastPingMs = -Infinity;

  private constructor(private readonly server: Server) {}

  static async open(path: string): Promise<WatchdogLink> {
    const server = createServer();
    if (!(await bind(server, path))) {
      if (await answers(path)) throw new AgentAlreadyRuns(`an agent listens at ${path}`);
      await unlink(path); // its owner is dead
      if (!(await bind(server, path))) throw new AgentAlreadyRuns(`another agent was faster at ${path}`);
    }
    const link = new WatchdogLink(server);
    server.on('connection', (socket) => {
      socket.on('error', () => socket.destroy()); // a watchdog that ended: it attaches again
      onLines(socket, () => {
        link.lastPingMs = performance.now();
        socket.write(JSON.stringify(identify(process.pid)) + '\n');
      });
    });
    return link;
  }

  alive(): boolean {
    return performance.now() - this.lastPingMs < ALIVE_MS;
  }

  close(): void {
    this.server.close();
  }
}

function bind(server: Server, path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
    );
    server.listen(shortest(path), () => {
      server.removeAllListeners('error');
      resolve(true);
    });
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(shortest(path));
    socket.once('connect', () => (socket.destroy(), resolve(true)));
    socket.once('error', () => resolve(false));
  });
}
