import { rm, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { dirname } from 'node:path';
import { FleetError } from '@holdfast/kernel';
import { identify } from './process-identity';
import { onLines, shortest } from './qmp';

/** Another agent lives on this state folder. */
class AgentAlreadyRuns extends FleetError {
  readonly code = 'AGENT_ALREADY_RUNS';
  readonly retryable = false;
  override readonly remedy = 'stop the running agent, or give this one a state folder of its own';
}

const ALIVE_MS = 3_000;

/** The agent's end of `run/agent.sock`, where the watchdog's pulse comes in. Whoever has it is the state folder's agent. */
export class WatchdogLink {
  private lastPingMs = -Infinity;

  private constructor(
    private readonly lock: Server,
    private readonly server: Server,
  ) {}

  static async open(path: string): Promise<WatchdogLink> {
    const lock = await lockFolder(dirname(path));
    const server = createServer();
    await rm(path, { force: true }); // its owner is dead: we have the lock
    await bind(server, shortest(path));
    const link = new WatchdogLink(lock, server);
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
    this.server.close(); // it takes its name away, so before the next agent may bind it
    this.lock.close();
  }
}

/**
 * A socket in a file outlives its owner, and whoever takes a dead one away may take a live one that came in between. A
 * name in the kernel's abstract namespace goes with the process that bound it, and binding it is atomic.
 */
async function lockFolder(folder: string): Promise<Server> {
  const { dev, ino } = await stat(folder);
  const lock = createServer((socket) => socket.destroy());
  await bind(lock, `\0holdfast-agent-${dev}-${ino}`).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'EADDRINUSE') throw cause;
    throw new AgentAlreadyRuns(`another agent runs on ${folder}`, { cause });
  });
  return lock;
}

function bind(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
