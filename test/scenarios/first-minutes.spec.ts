import { violations } from '../invariants';
import { CheckingClient } from '../support/checking-client';
import { Fleet } from '../support/fleet';
import { gather } from '../support/gather';

const fleet = new Fleet();
const systemId = 'first-minutes';
let client: CheckingClient;

/** The acceptance of this step, by shell as a visitor has it: each part begins where the one before ended. */
describe('the first minutes', () => {
  beforeAll(() => fleet.clean());
  afterAll(() => client?.kill());

  it('a system is created by the CLI and served', async () => {
    const created = await fleet.cli(
      'system',
      'create',
      systemId,
      '--cluster',
      'alpha',
      '--volumes',
      '2',
      '--size',
      '16MiB',
      '--watch',
    );
    expect(created).toMatchObject({ code: 0, stderr: '' });
    const system = await fleet.system(systemId);
    expect(system).toMatchObject({ clusterId: 'alpha', serving: { state: 'served' } });
    expect(system.exports.map(({ volumeId }) => volumeId)).toEqual(['v1', 'v2']);

    client = new CheckingClient(
      systemId,
      system.exports.map(({ uri }) => uri),
    );
    await fleet.until('the client writes', 20_000, async () => client.tally.ok >= 50);
  });

  it('its node is killed: declared down by evidence, and served elsewhere at a higher epoch', async () => {
    const before = await fleet.system(systemId);
    const since = await fleet.position();
    await fleet.lab('kill', `node/${before.nodeId}`);

    const ofNode = ({ data }: { data: Readonly<Record<string, unknown>> }) => data['nodeId'] === before.nodeId;
    const ofTask = ({ data }: { data: Readonly<Record<string, unknown>> }) => data['taskId'] === `serve-${systemId}`;
    await fleet.event('NodeSuspected', { since, match: ofNode });
    const down = await fleet.event('NodeDeclaredDown', { since, match: ofNode });
    const moved = await fleet.event('TaskMoved', { since, match: ofTask });
    await fleet.event('TaskStartConfirmed', { since, match: ofTask });
    const after = await fleet.system(systemId);
    expect(after.nodeId).not.toBe(before.nodeId);
    expect(after.epoch).toBeGreaterThan(before.epoch!);

    // No log can say why in fewer words than the three that led to it.
    const { code, stdout } = await fleet.cli('why', `system/${systemId}`, '-o', 'json');
    expect(code).toBe(0);
    const { chain } = JSON.parse(stdout) as { chain: { id: string; type: string }[] };
    expect(chain.map(({ id }) => id)).toEqual(expect.arrayContaining([down.id, moved.id]));
    await fleet.until(
      'the client writes again',
      20_000,
      async () => client.silentMs < 500 && client.tally.reconnects > 0,
    );
    expect(client.tally.wrong).toBe(0);

    await fleet.lab('start', `node/${before.nodeId}`);
    await fleet.event('NodeRecovered', { since, match: ofNode });
  });

  it('Kafka is away for seconds: nothing is declared, nothing moves, no client notices', async () => {
    await fleet.clean();
    const since = await fleet.position();
    const { reconnects, ok } = client.tally;
    await fleet.lab('stop', 'kafka');
    // Longer than any heartbeat may be late, by what the gateway says, and the client has gone on.
    await fleet.until('every node is unheard for 6 s, and the client writes', 20_000, async () => {
      const silent = (await fleet.nodes()).every(({ silentMs }) => silentMs !== null && silentMs >= 6_000);
      return silent && client.tally.ok >= ok + 100;
    });
    await fleet.lab('start', 'kafka');
    await fleet.clean();

    const types = (await fleet.events(since)).map(({ type }) => type);
    expect(types).not.toContain('NodeDeclaredDown');
    expect(types).not.toContain('TaskMoved');
    expect(client.tally.reconnects).toBe(reconnects);
  });

  it('all that was acknowledged is read back, and nothing happened that must never happen', async () => {
    expect(violations(await gather(fleet, await client.finish()))).toEqual([]);
  });

  it('the system is retired and deleted: its name and address are free', async () => {
    for (const verb of ['retire', 'delete'])
      expect(await fleet.cli('system', verb, systemId, '--watch')).toMatchObject({ code: 0, stderr: '' });
    expect((await fleet.systems()).map((system) => system.systemId)).not.toContain(systemId);
  });
});
