import type { ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { KeptServer, type Startable } from './kept-server';

/** A server whose starts take until they are told to end. */
class SlowServer implements Startable {
  readonly pid = 1;
  starts = 0;
  started: () => void = () => undefined;
  private child = Object.assign(new EventEmitter(), { exitCode: null as number | null, signalCode: null });

  get process(): ChildProcess {
    return this.child as unknown as ChildProcess;
  }

  async stop(): Promise<void> {
    this.child.exitCode = 0;
    this.child.emit('exit');
  }

  kill(): Promise<void> {
    return this.stop();
  }

  async restart(): Promise<void> {
    this.starts += 1;
    await new Promise<void>((resolve) => (this.started = resolve));
    this.child = Object.assign(new EventEmitter(), { exitCode: null as number | null, signalCode: null });
  }
}

describe('a kept server', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  /** Killed, and half way back. */
  async function comingBack() {
    const server = new SlowServer();
    const kept = new KeptServer('kafka', server);
    await kept.kill();
    await jest.advanceTimersByTimeAsync(500);
    expect(server.starts).toBe(1);
    return { server, kept };
  }

  it('is made once, also when somebody starts it while it comes back', async () => {
    const { server, kept } = await comingBack();
    const start = kept.start();
    await jest.advanceTimersByTimeAsync(0);
    server.started();
    await start;
    expect({ starts: server.starts, state: kept.state }).toEqual({ starts: 1, state: 'running' });
  });

  it('that is stopped while it comes back is stopped', async () => {
    const { server, kept } = await comingBack();
    const stop = kept.stop();
    await jest.advanceTimersByTimeAsync(0);
    server.started();
    await stop;
    expect({ starts: server.starts, state: kept.state }).toEqual({ starts: 1, state: 'stopped' });
  });
});
