import {
  AgentStreamBlocked,
  EventParked,
  NodeStarted,
  ParkedEventSkipped,
  ParkedStreamReloaded,
  ParkedStreamResumed,
  type Instant,
} from '@holdfast/contracts';
import { defineProjection, rulesFor } from './projection';

/** One stream of one consumer that stopped, and the event at which it stopped. */
export interface ParkedRow {
  parkedId: string;
  /** A service's inbox is acted on through here; an agent goes on by itself, once it is started anew. */
  at: 'service' | 'agent';
  service: string;
  consumer: string;
  nodeId: string | null;
  stream: string;
  version: number;
  eventId: string | null;
  type: string | null;
  code: string;
  message: string;
  attempts: number | null;
  parkedAt: Instant;
}

const on = rulesFor<ParkedRow>();
const ofPlace = ({ data }: { data: { service: string; consumer: string; stream: string } }) =>
  `${data.service}.${data.consumer}.${data.stream}`;

export const parkedEventsProjection = defineProjection<ParkedRow>('parked-events', [
  on(EventParked, ofPlace, (_row, { data, at }, key) => ({
    parkedId: key,
    at: 'service',
    nodeId: null,
    ...data,
    parkedAt: at,
  })),
  on(ParkedStreamResumed, ofPlace, () => undefined),
  on(ParkedEventSkipped, ofPlace, (row, { data }) => (row && row.version > data.version ? row : undefined)),
  on(ParkedStreamReloaded, ofPlace, () => undefined),

  on(
    AgentStreamBlocked,
    ({ data }) => `node-agent.${data.nodeId}.${data.stream}`,
    (_row, { data: { nodeId, stream, version, code }, at }, key) => ({
      parkedId: key,
      at: 'agent',
      service: 'node-agent',
      consumer: nodeId,
      nodeId,
      stream,
      version,
      eventId: null,
      type: null,
      code,
      message: `the agent of ${nodeId} cannot go on in ${stream}`,
      attempts: null,
      parkedAt: at,
    }),
  ),
  on(
    NodeStarted,
    ({ data }) => ({ field: 'nodeId', equals: data.nodeId }),
    () => undefined,
  ),
]);
