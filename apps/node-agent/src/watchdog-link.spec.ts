import { linkSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WatchdogLink } from './watchdog-link';

describe('the agent of a state folder', () => {
  let folder: string;
  let path: string;
  const links: WatchdogLink[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-link-'));
    path = join(folder, 'agent.sock');
  });
  afterEach(() => {
    for (const link of links.splice(0)) link.close();
    rmSync(folder, { recursive: true });
  });
  const open = async () => {
    const link = await WatchdogLink.open(path);
    links.push(link);
    return link;
  };

  it('is one of those that start at the same moment, also where a dead one left its socket', async () => {
    await leaveDeadSocket(path);
    const outcomes = await Promise.allSettled([open(), open(), open()]);
    const refused = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
    expect(refused).toMatchObject([{ code: 'AGENT_ALREADY_RUNS' }, { code: 'AGENT_ALREADY_RUNS' }]);
  });

  it('is followed by the next once it is gone', async () => {
    (await open()).close();
    links.pop();
    expect((await open()).alive()).toBe(false);
  });

  it('is watched once a pulse has come in, and answers it with its identity', async () => {
    const link = await open();
    const watchdog = connect(path);
    watchdog.write('{}\n');
    const answer = await new Promise<Buffer>((resolve) => watchdog.once('data', resolve));
    watchdog.destroy();
    expect(JSON.parse(answer.toString())).toMatchObject({ pid: process.pid });
    expect(link.alive()).toBe(true);
  });
});

/** A name that nobody listens at any more, as SIGKILL leaves it: a hard link outlives the server's own clean-up. */
async function leaveDeadSocket(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${path}.dead`, resolve));
  linkSync(`${path}.dead`, path);
  await new Promise((resolve) => server.close(resolve));
}
