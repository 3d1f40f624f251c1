import {
  AccessDenied,
  AccessTokenIssued,
  AccessTokenRevoked,
  AgentStreamBlocked,
  AutomationHalted,
  AutomationResumed,
  ClusterFrozen,
  ClusterSightLost,
  ClusterSightRegained,
  ClusterThawed,
  EventParked,
  NodeStarted,
  ParkedEventSkipped,
  ParkedStreamResumed,
  PlacementHeld,
  PlacementResumed,
  TaskCancelled,
  TaskRecalled,
} from '@holdfast/contracts';
import { admitted, assigned, confirmed, moved, registered } from '../testing/fleet';
import { ACTOR, asked, AT, INCARNATION, REQUEST, rowsOf, story, told } from '../testing/told';
import { automationProjection, clustersProjection } from './clusters.projection';
import { parkedEventsProjection } from './parked-events.projection';
import { tasksProjection } from './tasks.projection';
import { tokensProjection } from './tokens.projection';

const inAlpha = { clusterId: 'alpha', at: AT };

describe('the clusters projection', () => {
  const alphaAfter = (...events: Parameters<typeof story>) => rowsOf(clustersProjection, story(...events)).get('alpha');
  const frozen = told(ClusterFrozen, { ...inAlpha, cause: 'massSilence', lateNodeIds: ['n1', 'n2'], limit: 1 });
  const lost = told(ClusterSightLost, { ...inAlpha, cause: 'partition' });

  it('is frozen with its late nodes until it is thawed', () => {
    expect(alphaAfter(registered, frozen)).toMatchObject({
      frozen: { lateNodeIds: ['n1', 'n2'], limit: 1, since: AT },
    });
    expect(alphaAfter(registered, frozen, told(ClusterThawed, { ...inAlpha, by: 'operator' }))).toMatchObject({
      frozen: null,
    });
  });

  it('says that it is blind, why, and since when', () => {
    expect(alphaAfter(registered, lost)).toMatchObject({ sight: { state: 'lost', cause: 'partition', since: AT } });
    const regained = told(ClusterSightRegained, { ...inAlpha, blindMs: 3_000, sightHoldMs: 4_000 });
    expect(alphaAfter(registered, lost, regained)).toMatchObject({ sight: { state: 'clear', cause: null } });
  });

  it('counts each brake once and takes each off by itself', () => {
    const held = (brake: 'frozen' | 'halted') => told(PlacementHeld, { ...inAlpha, brake });
    const both = [held('frozen'), held('halted'), held('frozen')];
    expect(alphaAfter(...both)?.placementHeldBy).toEqual(['frozen', 'halted']);
    expect(alphaAfter(...both, told(PlacementResumed, { ...inAlpha, brake: 'frozen' }))?.placementHeldBy).toEqual([
      'halted',
    ]);
  });

  it('keeps health that is heard before the registration', () => {
    expect(alphaAfter(frozen, registered)).toEqual(alphaAfter(registered, frozen));
  });
});

describe('the automation projection', () => {
  it('has one row per scope, halted or resumed, and by whom', () => {
    const halted = told(AutomationHalted, { ...asked, scope: 'fleet', reason: 'maintenance' });
    const resumed = told(AutomationResumed, { ...asked, scope: 'fleet' });
    expect(rowsOf(automationProjection, story(halted)).get('fleet')).toMatchObject({ halted: true, by: ACTOR.tokenId });
    expect(rowsOf(automationProjection, story(halted, resumed)).get('fleet')).toMatchObject({ halted: false });
  });
});

describe('the tasks projection', () => {
  const taskAfter = (...events: Parameters<typeof story>) => rowsOf(tasksProjection, story(...events)).get('serve-s1');
  const ofServe = { ...inAlpha, taskId: 'serve-s1', kind: 'serve' as const, subject: 'system/s1' };
  const running = [admitted, assigned('n1', 1, true), confirmed('n1', 1)];

  it('goes from pending over assigned to running, and to its next owner', () => {
    expect(taskAfter(admitted)).toMatchObject({ state: 'pending', nodeId: null, doneBytes: null });
    expect(taskAfter(...running)).toMatchObject({ state: 'running', nodeId: 'n1', epoch: 1 });
    expect(taskAfter(...running, moved('n1', 'n2', 2))).toMatchObject({
      state: 'assigned',
      nodeId: 'n2',
      lastOwners: ['n2', 'n1'],
    });
  });

  it('runs on when it is offered again at its epoch', () => {
    expect(taskAfter(...running, assigned('n1', 1))).toMatchObject({ state: 'running' });
  });

  it('is stopping when recalled, then cancelled', () => {
    const recalled = told(TaskRecalled, { ...ofServe, nodeId: 'n1', epoch: 1, cause: 'retirement' });
    const cancelled = told(TaskCancelled, { ...ofServe, by: 'retirement' });
    expect(taskAfter(...running, recalled)).toMatchObject({ state: 'stopping', reason: 'retirement' });
    expect(taskAfter(...running, recalled, cancelled)).toMatchObject({ state: 'cancelled' });
  });
});

describe('the parked-events projection', () => {
  const place = { service: 'load-balancer', consumer: 'main', stream: 'cluster-health-c1' };
  const parked = told(EventParked, {
    ...place,
    version: 7,
    eventId: null,
    type: 'NodeDeclaredDown',
    code: 'HANDLER_FAILED',
    message: 'boom',
    attempts: 5,
  });
  const id = 'load-balancer.main.cluster-health-c1';

  it('has one row per stopped stream, until it flows again', () => {
    const rows = rowsOf(parkedEventsProjection, story(parked));
    expect(rows.get(id)).toMatchObject({ parkedId: id, version: 7, code: 'HANDLER_FAILED', parkedAt: AT });
    const resumed = told(ParkedStreamResumed, { ...place, throughVersion: 9, events: 3, parkedMs: 5 });
    expect(rowsOf(parkedEventsProjection, story(parked, resumed)).size).toBe(0);
  });

  it('keeps a stream that stopped again behind the event that was skipped', () => {
    const skipped = (version: number) =>
      told(ParkedEventSkipped, { ...place, version, reason: 'bad', requestId: REQUEST });
    expect(rowsOf(parkedEventsProjection, story(parked, skipped(7))).size).toBe(0);
    expect(rowsOf(parkedEventsProjection, story(parked, skipped(6))).size).toBe(1);
  });

  it("shows an agent's blocked stream until that agent starts anew", () => {
    const ofAgent = { clusterId: 'alpha', nodeId: 'n1', incarnation: INCARNATION, at: AT };
    const blocked = told(AgentStreamBlocked, {
      ...ofAgent,
      stream: 'routing-table-c1',
      version: 3,
      code: 'EVENT_UNKNOWN',
    });
    const started = told(NodeStarted, { ...ofAgent, journal: 'kept', held: [], adopted: [] });
    expect(rowsOf(parkedEventsProjection, story(blocked)).get('node-agent.n1.routing-table-c1')).toMatchObject({
      at: 'agent',
    });
    expect(rowsOf(parkedEventsProjection, story(blocked, started)).size).toBe(0);
  });
});

describe('the access-tokens projection', () => {
  it('tells neither the secret nor its hash, and counts denials', () => {
    const tokenId = ACTOR.tokenId;
    const tokenHash = 'ab'.repeat(32);
    const issued = told(AccessTokenIssued, {
      ...asked,
      tokenId,
      role: 'viewer',
      label: 'x',
      tokenHash,
      expiresAt: null,
    });
    const denied = told(AccessDenied, { tokenId, count: 3, windowSec: 60 });
    const revoked = told(AccessTokenRevoked, { ...asked, tokenId });
    const row = rowsOf(tokensProjection, story(issued, denied, denied, revoked)).get(tokenId);
    expect(row).toMatchObject({ denied: 6, revokedAt: AT });
    expect(JSON.stringify(row)).not.toContain(tokenHash);
  });
});
