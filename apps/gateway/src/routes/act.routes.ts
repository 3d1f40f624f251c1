import {
  AccessTokenIssued,
  AccessTokenRevoked,
  AutomationHalted,
  AutomationResumed,
  automationScope,
  clusterId,
  ClusterRegistered,
  ClusterThawRequested,
  instant,
  NodeDownRequested,
  nodeId,
  NodeJoined,
  NodeRetired,
  ParkedEventRetryRequested,
  ParkedEventSkipRequested,
  ParkedStreamReloadRequested,
  ProjectionRebuildRequested,
  role,
} from '@holdfast/contracts';
import { z } from 'zod';
import { Problem } from '../http/problem';
import type { Known } from '../requests/known';
import { admitCluster, admitNode, clusterOf, nodeOf } from '../requests/membership';
import { act, type ActRoute } from './route';
import { systemRoutes } from './system.routes';

const FLEET = 'fleet';
const reason = z.string().min(1).max(500);
const because = z.strictObject({ reason });
const perhapsBecause = z.strictObject({ reason: reason.optional() });
const ofNode = z.strictObject({ nodeId });
const ofParked = z.strictObject({ parkedId: z.string().max(300) });

/** What helps an agent that cannot go on: nobody acts on it from here. */
export function agentRemedy(code: string, nodeId: string): string {
  if (code === 'EVENT_UNKNOWN') return `start the agent of ${nodeId} with a newer build, one that knows the event`;
  return (
    `restart the agent of ${nodeId}: end its process by SIGTERM, and its watchdog starts it again within seconds; ` +
    'its daemons go on serving (of a local fleet: `pids.agent` in .holdfast/run/fleet.json)'
  );
}

/** The place that a parked event is at, for the service that parked it. */
async function parkedPlace(parkedId: string, known: Known) {
  const { at, service, consumer, stream, version, code } = await known.parked(parkedId);
  if (at === 'agent')
    throw new Problem('NOT_ACTIONABLE', `${consumer}'s agent itself cannot go on in ${stream}: ${code}`, {
      remedy: agentRemedy(code, consumer),
      subject: `node/${consumer}`,
    });
  return { service, consumer, stream, version };
}

const membership: readonly ActRoute[] = [
  act('/v1/clusters', {
    summary: 'Register a cluster with the address ranges of its systems',
    role: 'admin',
    event: ClusterRegistered,
    body: z.strictObject({
      clusterId,
      name: z.string().min(1).max(100),
      addressRanges: z.array(z.cidrv4()).min(1).max(16),
    }),
    request: async ({ body }, known) => {
      admitCluster(body, await known.members());
      return { data: body, partitionKey: body.clusterId, stream: `membership-${body.clusterId}` };
    },
  }),
  act('/v1/nodes', {
    summary: 'Register a node of a cluster',
    role: 'admin',
    event: NodeJoined,
    body: z.strictObject({
      clusterId,
      nodeId,
      zone: z.string().min(1).max(40),
      dataAddress: z.ipv4(),
      engineVersion: z.string().min(1).max(40),
      capacity: z.strictObject({ bytesPerSec: z.number().positive() }),
    }),
    request: async ({ body }, known) => {
      admitNode(body, await known.members());
      return { data: body, partitionKey: body.clusterId, stream: `membership-${body.clusterId}` };
    },
  }),
  act('/v1/nodes/:nodeId/retire', {
    summary: 'Take a node out of the fleet for good',
    role: 'admin',
    event: NodeRetired,
    params: ofNode,
    body: perhapsBecause,
    request: async ({ params, body }, known) => {
      const { clusterId: home } = nodeOf(params.nodeId, await known.members());
      return { data: { ...params, clusterId: home, ...body }, partitionKey: home, stream: `membership-${home}` };
    },
  }),
];

const health: readonly ActRoute[] = [
  act('/v1/nodes/:nodeId/declare-down', {
    summary: 'Say that a node is gone; `poweredOff` attests that it cannot act any more',
    role: 'admin',
    event: NodeDownRequested,
    params: ofNode,
    body: z.strictObject({ poweredOff: z.boolean(), reason }),
    request: async ({ params, body }, known) => {
      const { clusterId: home } = nodeOf(params.nodeId, await known.members());
      return { data: { ...params, clusterId: home, ...body }, partitionKey: home };
    },
  }),
  act('/v1/clusters/:clusterId/thaw', {
    summary: 'Lift the freeze of a cluster',
    role: 'operator',
    event: ClusterThawRequested,
    params: z.strictObject({ clusterId }),
    body: because,
    request: async ({ params, body }, known) => {
      clusterOf(params.clusterId, await known.members());
      return { data: { ...params, ...body }, partitionKey: params.clusterId };
    },
  }),
];

const automation: readonly ActRoute[] = [
  act('/v1/automation/halt', {
    summary: 'No automatic action in this scope until it is resumed',
    role: 'operator',
    event: AutomationHalted,
    body: z.strictObject({ scope: automationScope, reason }),
    request: ({ body }, known) => automationFact(body, known),
  }),
  act('/v1/automation/resume', {
    summary: 'Automatic actions again',
    role: 'admin',
    event: AutomationResumed,
    body: z.strictObject({ scope: automationScope, reason: reason.optional() }),
    request: ({ body }, known) => automationFact(body, known),
  }),
];

async function automationFact(body: { scope: string }, known: Known) {
  if (body.scope !== FLEET) clusterOf(body.scope, await known.members());
  return { data: body, partitionKey: body.scope, stream: `automation-${body.scope}` };
}

const access: readonly ActRoute[] = [
  act('/v1/access-tokens', {
    summary: 'Issue a token; its secret is in this one answer',
    role: 'admin',
    event: AccessTokenIssued,
    secret: true,
    body: z.strictObject({ role, label: z.string().min(1).max(100), expiresAt: instant.optional() }),
    request: ({ body }, { secret, requestId }) => ({
      data: { ...body, expiresAt: body.expiresAt ?? null, tokenId: requestId, tokenHash: secret.hash },
      partitionKey: FLEET,
      stream: `access-${requestId}`,
    }),
  }),
  act('/v1/access-tokens/:tokenId/revoke', {
    summary: 'Revoke a token at once',
    role: 'admin',
    event: AccessTokenRevoked,
    params: z.strictObject({ tokenId: z.uuid() }),
    body: perhapsBecause,
    request: ({ params, body }, known) => {
      const { revoked } = known.token(params.tokenId);
      if (revoked) throw new Problem('TOKEN_REVOKED', `${params.tokenId} is revoked already`);
      return { data: { ...params, ...body }, partitionKey: FLEET, stream: `access-${params.tokenId}` };
    },
  }),
];

const repair: readonly ActRoute[] = [
  act('/v1/parked-events/:parkedId/retry', {
    summary: 'Handle the first parked event of a stream again',
    role: 'operator',
    event: ParkedEventRetryRequested,
    params: ofParked,
    body: perhapsBecause,
    request: async ({ params, body }, known) => ({
      data: { ...(await parkedPlace(params.parkedId, known)), ...body },
      partitionKey: FLEET,
    }),
  }),
  act('/v1/parked-events/:parkedId/skip', {
    summary: 'Pass over the first parked event of a stream',
    role: 'admin',
    event: ParkedEventSkipRequested,
    params: ofParked,
    body: because,
    request: async ({ params, body }, known) => ({
      data: { ...(await parkedPlace(params.parkedId, known)), ...body },
      partitionKey: FLEET,
    }),
  }),
  act('/v1/parked-events/:parkedId/reload', {
    summary: 'Forget a forked stream and ask its owner for all of it',
    role: 'admin',
    event: ParkedStreamReloadRequested,
    params: ofParked,
    body: because,
    request: async ({ params, body }, known) => ({
      data: { ...(await parkedPlace(params.parkedId, known)), ...body },
      partitionKey: FLEET,
    }),
  }),
  act('/v1/projections/:name/rebuild', {
    summary: 'Fold a projection anew from the feed',
    role: 'operator',
    event: ProjectionRebuildRequested,
    params: z.strictObject({ name: z.string().min(1).max(40) }),
    body: perhapsBecause,
    request: ({ params, body }) => ({ data: { ...params, ...body }, partitionKey: FLEET }),
  }),
];

export const actRoutes: readonly ActRoute[] = [
  ...membership,
  ...systemRoutes,
  ...health,
  ...automation,
  ...access,
  ...repair,
];
