import { cell } from '../support/cell';

const AWAY_MS = 10_000;

cell('log.appended/kill-broker', {
  clusterId: 'beta',
  systemId: 'fault-4',
  async fault({ fleet, client, since }) {
    await fleet.lab('kill', 'kafka');
    await fleet.lab('stop', 'kafka');
    // Accepted while nobody can be told: it is in the store, and is done once it can travel.
    const body = {
      systemId: 'asked-meanwhile',
      clusterId: 'beta',
      volumes: [{ volumeId: 'v1', sizeBytes: 1_048_576 }],
    };
    const asked = await fleet.request('/v1/systems', body);
    const { reconnects } = client.tally;
    await new Promise((resolve) => setTimeout(resolve, AWAY_MS));
    await fleet.lab('start', 'kafka');
    expect(client.tally.reconnects).toBe(reconnects);
    await fleet.event('TaskStartConfirmed', { since, match: ({ data }) => data['taskId'] === 'serve-asked-meanwhile' });
    await fleet.succeeded(asked);
    await fleet.perform('/v1/systems/asked-meanwhile/retire', {});
    await fleet.perform('/v1/systems/asked-meanwhile/delete', {});
  },
  after(_context, events) {
    expect(events.filter(({ type }) => type === 'NodeDeclaredDown')).toEqual([]);
    expect(events.filter(({ type }) => type === 'TaskMoved')).toEqual([]);
  },
});
