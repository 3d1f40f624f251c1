import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { cell, type CellContext } from '../support/cell';

const CONTROL_PLANE = ['service/gateway', 'service/load-balancer', 'service/health-monitor', 'kafka', 'postgres'];
const AWAY_MS = 30_000;

const ofTask = (systemId: string) => (event: { data: Readonly<Record<string, unknown>> }) =>
  event.data['taskId'] === `serve-${systemId}`;
const ofNode = (nodeId: string) => (event: { data: Readonly<Record<string, unknown>> }) =>
  event.data['nodeId'] === nodeId;

async function servedElsewhere({ fleet, systemId, nodeId, epoch }: CellContext): Promise<void> {
  const now = await fleet.system(systemId);
  expect(now.nodeId).not.toBe(nodeId);
  expect(now.epoch).toBeGreaterThan(epoch);
}

cell('serve.running/kill-node', {
  clusterId: 'alpha',
  systemId: 'fault-1',
  async fault(context) {
    const { fleet, systemId, nodeId, since } = context;
    await fleet.lab('kill', `node/${nodeId}`);
    await fleet.event('NodeDeclaredDown', { since, match: ofNode(nodeId) });
    const confirmed = await fleet.event('TaskStartConfirmed', { since, match: ofTask(systemId) });
    expect(confirmed.data['nodeId']).not.toBe(nodeId);
    await servedElsewhere(context);
    await fleet.lab('start', `node/${nodeId}`);
    await fleet.event('NodeRecovered', { since, match: ofNode(nodeId) });
  },
  after: servedElsewhere,
});

cell('serve.running/pause-node', {
  clusterId: 'alpha',
  systemId: 'fault-2',
  async fault({ fleet, systemId, nodeId, since }) {
    const paused = fleet.file.nodes.find((node) => node.nodeId === nodeId)!.pids.daemons;
    await fleet.lab('pause', `node/${nodeId}`);
    // Its daemons hold their locks in their sleep: whoever comes next waits, however long.
    const held = await fleet.event('TaskHeld', { since, match: ofTask(systemId) });
    expect(held.data).toMatchObject({ waitsFor: 'mediumLock' });
    await fleet.lab('resume', `node/${nodeId}`);
    await fleet.event('TaskStartConfirmed', { since: held.position, match: ofTask(systemId) });
    await fleet.until('the woken daemons are killed', 10_000, async () => {
      const { daemons } = fleet.file.nodes.find((node) => node.nodeId === nodeId)!.pids;
      return paused.every((pid) => !daemons.includes(pid));
    });
  },
  after: servedElsewhere,
});

cell('serve.running/kill-control-plane', {
  clusterId: 'alpha',
  systemId: 'fault-3',
  async fault({ fleet, client, systemId }) {
    const claims = () => readdirSync(join(fleet.file.clusters[0]!.mediumPath, systemId, 'claims'));
    const before = claims();
    for (const part of CONTROL_PLANE) await fleet.lab('kill', part);
    for (const part of CONTROL_PLANE) await fleet.lab('stop', part);
    const { reconnects, ok } = client.tally;
    await new Promise((resolve) => setTimeout(resolve, AWAY_MS));
    const after = { claims: claims(), ...client.tally };
    for (const part of CONTROL_PLANE.toReversed()) await fleet.lab('start', part);

    expect(after.claims).toEqual(before);
    expect(after.reconnects).toBe(reconnects);
    expect(after.ok).toBeGreaterThan(ok);
  },
  after({ systemId }, events) {
    expect(events.filter(({ type }) => type === 'NodeDeclaredDown')).toEqual([]);
    expect(events.filter(({ type, data }) => type === 'SystemServeGranted' && data['systemId'] === systemId)).toEqual(
      [],
    );
  },
});
