import { clustersProjection, type ClusterRow } from '../projections/clusters.projection';
import { nodesProjection, type NodeRow } from '../projections/nodes.projection';
import { type OperationRow } from '../projections/operation';
import { operationsProjection } from '../projections/operations.projection';
import { systemsProjection, type SystemRow } from '../projections/systems.projection';
import type { FeedEvent } from '../projections/projection';
import { node } from '../routes/shapes';
import {
  admitted,
  assigned,
  confirmed,
  down,
  joined,
  opened,
  recovered,
  registered,
  suspected,
  systemRegistered,
} from '../testing/fleet';
import {
  ClusterFrozen,
  ClusterSightLost,
  NodeDrainStarted,
  NodeMaintenanceStarted,
  NodeRecovered,
  NodeRestarted,
  NodeSuspicionWithdrawn,
  SystemRequested,
  TaskDeferred,
  VerdictWithheld,
} from '@holdfast/contracts';
import { asked, AT, INCARNATION, REQUEST, rowsOf, story, told } from '../testing/told';
import { clusterView } from './cluster.view';
import { nodeView } from './node.view';
import { operationView } from './operation.view';
import { servingOf, systemStanding } from './system.view';
import { Views } from './views';

const healthy = (nodeId: string) => [joined(nodeId), recovered(nodeId), opened(nodeId)];
const served = [registered, systemRegistered, admitted, assigned('n1', 1), confirmed('n1', 1)];
const frozen = told(ClusterFrozen, { clusterId: 'alpha', at: AT, cause: 'massSilence', lateNodeIds: ['n1'], limit: 1 });

function fleetAfter(events: FeedEvent[]) {
  const told = story(...events);
  const fleet = {
    nodes: [...rowsOf<NodeRow>(nodesProjection, told).values()],
    clusters: [...rowsOf<ClusterRow>(clustersProjection, told).values()],
    automation: [],
  };
  return { fleet, system: rowsOf<SystemRow>(systemsProjection, told).get('s1')! };
}
const servingAfter = (...events: FeedEvent[]) => {
  const { fleet, system } = fleetAfter(events);
  return servingOf(system, fleet);
};

describe('what clients of a system notice', () => {
  it('is served on a healthy node', () => {
    expect(servingAfter(...healthy('n1'), ...healthy('n2'), ...served)).toMatchObject({
      state: 'served',
      reason: null,
    });
  });

  it('is told beforehand when no other node can take over', () => {
    expect(servingAfter(...healthy('n1'), ...served)).toMatchObject({
      state: 'served',
      reason: 'no other node can take over',
    });
  });

  it('is unserved once its node is down', () => {
    expect(servingAfter(...healthy('n1'), ...healthy('n2'), ...served, down('n1'))).toEqual({
      state: 'unserved',
      since: AT,
      reason: 'n1 is down, another node takes over',
    });
  });

  it('is still served under suspicion while another node could take over', () => {
    expect(servingAfter(...healthy('n1'), ...healthy('n2'), ...served, suspected('n1'))).toMatchObject({
      state: 'served',
    });
  });

  it('is unserved under suspicion when nobody can take over, or may', () => {
    expect(servingAfter(...healthy('n1'), ...served, suspected('n1'))).toMatchObject({
      state: 'unserved',
      reason: 'no other node can take over',
    });
    expect(servingAfter(...healthy('n1'), ...healthy('n2'), ...served, suspected('n1'), frozen)).toMatchObject({
      state: 'unserved',
      reason: 'frozen, thaw alpha',
    });
  });
});

describe('since when a system is served', () => {
  const LATER = '2026-03-01T10:50:00.000000Z';
  const back = (fromStatus: 'down' | 'impaired') =>
    told(NodeRecovered, {
      ...{ clusterId: 'alpha', nodeId: 'n1', at: LATER, fromStatus, incarnation: INCARNATION },
      ...{ holdMs: 0, declaredWrongly: false, ownPauseMs: 0 },
    });
  const withdrawn = told(NodeSuspicionWithdrawn, { clusterId: 'alpha', nodeId: 'n1', at: LATER, reason: 'heartbeat' });
  const before = [...healthy('n1'), ...healthy('n2'), ...served];

  it('is the end of its last outage: when its owner was heard again', () => {
    for (const events of [
      [down('n1'), back('down')],
      [suspected('n1'), withdrawn],
    ])
      expect(servingAfter(...before, ...events)).toEqual({ state: 'served', since: LATER, reason: null });
  });

  it('is unchanged by an impairment: its owner served on', () => {
    expect(servingAfter(...before, back('impaired')).since).toBe('2026-03-01T10:42:06.900000Z');
  });
});

it('a system that no other node can take names why, until one can', () => {
  const deferred = told(TaskDeferred, {
    ...{ clusterId: 'alpha', taskId: 'serve-s1', kind: 'serve', subject: 'system/s1', at: AT },
    blockedBy: { impaired: 1 },
  });
  const alone = [...healthy('n1'), ...served, deferred];
  expect(servingAfter(...alone)).toMatchObject({ state: 'served', reason: 'no node now: impaired 1' });
  expect(servingAfter(...alone, ...healthy('n2'))).toMatchObject({ state: 'served', reason: null });
});

it('the remedy of an unserved system names the drained nodes that could take it', () => {
  const drained = told(NodeDrainStarted, {
    ...{ clusterId: 'alpha', nodeId: 'n2', at: AT, deadlineAt: AT, force: false, by: 'operator' },
  });
  const { fleet, system } = fleetAfter([...healthy('n1'), ...healthy('n2'), ...served, drained, down('n1')]);
  expect(systemStanding(system, fleet).remedy).toMatch(/^start n1 .*, or holdfast drain n2 --stop$/);
});

describe('a system whose node is off while a brake forbids the verdict', () => {
  const inAlpha = { clusterId: 'alpha', nodeId: 'n1', at: AT };
  const withheld = (brake: 'maintenance' | 'halted' | 'noEvidence') =>
    told(VerdictWithheld, { ...inAlpha, verdict: 'down', brake });
  const maintenance = told(NodeMaintenanceStarted, {
    ...{ ...inAlpha, requestId: REQUEST, until: '2026-03-01T12:00:00Z', drain: false, by: 'x', reason: 'disk' },
  });
  const two = [...healthy('n1'), ...healthy('n2'), ...served];

  const silent = { isSilent: () => true };

  it('is unserved, and the remedy names what lifts the brake', () => {
    const { fleet, system } = fleetAfter([...two, maintenance, withheld('maintenance')]);
    expect(systemStanding(system, { ...fleet, ...silent })).toMatchObject({
      serving: { state: 'unserved', since: AT, reason: 'n1 is silent, in maintenance until 12:00:00' },
      remedy: expect.stringMatching(/^start n1 .*: holdfast maintenance end n1$/) as string,
    });
    const drained = told(NodeDrainStarted, { ...inAlpha, nodeId: 'n2', deadlineAt: AT, force: false, by: 'operator' });
    const alone = fleetAfter([...two, drained, maintenance, withheld('maintenance')]);
    expect(systemStanding(alone.system, { ...alone.fleet, ...silent }).remedy).toMatch(
      /maintenance end n1, then holdfast drain n2 --stop$/,
    );
    const braked = fleetAfter([...two, suspected('n1'), withheld('halted')]);
    const halted = { scope: 'alpha', halted: true, reason: 'x', since: AT, by: 'y' };
    expect(systemStanding(braked.system, { ...braked.fleet, automation: [halted] })).toMatchObject({
      serving: { state: 'unserved', reason: 'halted, resume alpha' },
      remedy: expect.stringMatching(/^holdfast resume alpha; or start n1/) as string,
    });
  });

  it('is served once its node beats or began anew, and when no evidence speaks against it', () => {
    const { fleet, system } = fleetAfter([...two, maintenance, withheld('maintenance')]);
    expect(servingOf(system, { ...fleet, isSilent: () => false })).toMatchObject({ state: 'served' });
    const restarted = told(NodeRestarted, { ...inAlpha, incarnation: INCARNATION, previousIncarnation: INCARNATION });
    const anew = fleetAfter([...two, maintenance, withheld('maintenance'), restarted]);
    expect(servingOf(anew.system, { ...anew.fleet, ...silent })).toMatchObject({ state: 'served' });
    expect(servingAfter(...two, suspected('n1'), withheld('noEvidence'))).toMatchObject({ state: 'served' });
  });

  it('is served while nobody can tell that its node is silent still, unless its status says so', () => {
    const { fleet, system } = fleetAfter([...two, maintenance, withheld('maintenance')]);
    expect(servingOf(system, fleet)).toMatchObject({ state: 'served' });
    expect(servingOf(system, { ...fleet, isSilent: () => undefined })).toMatchObject({ state: 'served' });
    expect(servingAfter(...two, suspected('n1'), withheld('halted'))).toMatchObject({ state: 'unserved' });
  });

  it('is unserved since its node became what it is, where the row of an older build does not tell when', () => {
    const { fleet, system } = fleetAfter([...two, maintenance, withheld('maintenance')]);
    const older = fleet.nodes.map((row) => ({
      ...row,
      withheld: row.withheld && { verdict: 'down', brake: 'halted' },
    }));
    expect(servingOf(system, { ...fleet, ...silent, nodes: older })).toMatchObject({ state: 'unserved', since: AT });
    const shown = older.map((row) =>
      node.safeParse(nodeView(row, undefined, { now: 0, alphaMs: 1, listening: false })),
    );
    expect(shown.map(({ success }) => success)).toEqual([true, true]);
  });

  it('cannot be taken over by a node that is off', () => {
    const off = told(VerdictWithheld, { ...inAlpha, nodeId: 'n2', verdict: 'down', brake: 'maintenance' });
    const { fleet, system } = fleetAfter([...two, off]);
    const isSilent = (nodeId: string) => nodeId === 'n2';
    expect(servingOf(system, { ...fleet, isSilent })).toMatchObject({
      ...{ state: 'served', reason: 'no other node can take over' },
    });
  });
});

it('a pending system names the brake that keeps it so, and is never without a reason', () => {
  const pending = [registered, ...healthy('n1'), systemRegistered];
  expect(servingAfter(...pending)).toMatchObject({ state: 'pending', reason: 'no node was chosen yet' });
  expect(servingAfter(...pending, frozen)).toMatchObject({ state: 'pending', reason: 'frozen, thaw alpha' });
  const { fleet, system } = fleetAfter(pending);
  const halted = { scope: 'fleet', halted: true, reason: 'x', since: AT, by: 'y' };
  expect(systemStanding(system, { ...fleet, automation: [halted] })).toMatchObject({
    serving: { reason: 'halted, resume fleet' },
    remedy: 'holdfast resume fleet',
  });
});

it('the verdict of a cluster is what forbids to judge it, else how its nodes are', () => {
  const verdictAfter = (...events: FeedEvent[]) => {
    const { fleet } = fleetAfter([registered, ...events]);
    return clusterView(fleet.clusters[0]!, fleet).verdict;
  };
  const two = [...healthy('n1'), ...healthy('n2')];
  const lost = told(ClusterSightLost, { clusterId: 'alpha', at: AT, cause: 'broker' });
  expect(verdictAfter()).toBe('empty');
  expect(verdictAfter(...two)).toBe('healthy');
  expect(verdictAfter(...two, suspected('n2'))).toBe('degraded');
  expect(verdictAfter(...two, suspected('n2'), down('n1'))).toBe('suspected');
  expect(verdictAfter(...two, down('n2'), down('n1'))).toBe('down');
  expect(verdictAfter(...two, down('n1'), frozen)).toBe('frozen');
  expect(verdictAfter(...two, lost)).toBe('blind');
});

it('counts the nodes of a cluster by status, and prints the remedy of a freeze', () => {
  const { fleet } = fleetAfter([registered, ...healthy('n1'), ...healthy('n2'), down('n2'), frozen]);
  expect(clusterView(fleet.clusters[0]!, fleet)).toMatchObject({
    nodesByStatus: { healthy: 1, down: 1 },
    heldBy: 'frozen, thaw alpha',
    frozen: { remedy: 'holdfast thaw alpha --reason …' },
  });
});

it('reads STALLED when nothing was told for its kind’s time, and not a second before', () => {
  const wished = told(SystemRequested, {
    ...asked,
    systemId: 's1',
    clusterId: 'alpha',
    volumes: [{ volumeId: 'v1', sizeBytes: 1 }],
  });
  const row = rowsOf<OperationRow>(operationsProjection, story(wished, systemRegistered)).get(REQUEST)!;
  const after = (sec: number) => operationView(row, Date.parse(AT) + sec * 1000).reason;
  expect(after(59)).toBeNull();
  expect(after(61)).toMatchObject({ code: 'STALLED', remedy: expect.stringContaining('why system/s1') });
});

it('an operation that nobody knows is looked up by its id alone: no list of UUIDs is searched for a near one', async () => {
  const asked: string[] = [];
  const query = (sql: string) => {
    asked.push(sql);
    return Promise.resolve([]);
  };
  const views = new Views({ store: { query } } as unknown as Views['from']);
  await expect(views.operation(REQUEST)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  expect(asked).toEqual([expect.stringContaining('where key = $1'), expect.stringContaining('where request_id = $1')]);
});

it('the age of a picture of which a part stands still is that of what it cannot fold', () => {
  const asOfWith = (broken: object[]) => {
    const projector = { position: () => 7, broken: () => broken };
    const freshness = { all: () => [{ topic: 'holdfast.requests', asOf: new Date().toISOString() }] };
    return new Views({ projector, freshness } as unknown as Views['from']).asOf();
  };
  expect(asOfWith([])).toMatchObject({ broken: [] });
  expect(asOfWith([]).ageMs).toBeLessThan(5_000);
  const brokenSince = new Date(Date.now() - 60_000).toISOString();
  const stale = asOfWith([{ name: 'automation', brokenSince }]);
  expect(stale).toMatchObject({ position: 7, broken: ['automation'] });
  expect(stale.ageMs).toBeGreaterThanOrEqual(60_000);
});
