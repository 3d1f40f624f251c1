import type { NodeRow } from '../projections/nodes.projection';
import type { Heartbeat, Seen } from '../samples/latest';

const HEARTBEAT_MS = 1_000;

export interface Watch {
  readonly now: number;
  /** How long past its due time a heartbeat may be late. */
  readonly alphaMs: number;
}

/** A node as the API shows it: what was decided, and what its last heartbeat says. Unknown is null. */
export function nodeView(row: NodeRow, beat: Seen<Heartbeat> | undefined, { now, alphaMs }: Watch) {
  const { nodeId, clusterId, zone, dataAddress, status, since, capacity, placement, impairment, withheld } = row;
  const silentMs = beat ? Math.max(0, now - Date.parse(beat.appendedAt)) : null;
  const waited = silentMs === null ? null : (silentMs - HEARTBEAT_MS) / alphaMs;
  return {
    nodeId,
    clusterId,
    zone,
    dataAddress,
    status,
    since,
    lastHeartbeatAt: beat?.appendedAt ?? null,
    silentMs,
    suspicion: waited === null ? null : Math.round(Math.min(1, Math.max(0, waited)) * 100) / 100,
    incarnation: beat?.data.incarnation ?? row.incarnation,
    engine: {
      version: row.engineVersion,
      state: beat?.data.engine.state ?? null,
      qmpMs: beat?.data.engine.qmpMs ?? null,
    },
    media: beat?.data.media ?? [],
    load: beat?.data.load ?? null,
    watchdogAlive: beat?.data.watchdogAlive ?? null,
    capacity,
    placement,
    impairment,
    withheld,
    maintenance: null,
  };
}
export type NodeView = ReturnType<typeof nodeView>;
