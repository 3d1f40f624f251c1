import type { NodeRow } from '../projections/nodes.projection';
import type { Heartbeat, LatestSamples, Seen } from '../samples/latest';

const HEARTBEAT_MS = 1_000;

export interface Watch {
  readonly now: number;
  /** How long past its due time a heartbeat may be late. */
  readonly alphaMs: number;
  /** Whether samples are read at this moment: if not, a silence is the reader's own. */
  readonly listening: boolean;
}

/** How much of its waiting time is used up since its last heartbeat: more than 1 is too late. */
const waitedSince = (lastAt: string, { now, alphaMs }: Watch): number =>
  (now - Date.parse(lastAt) - HEARTBEAT_MS) / alphaMs;

/**
 * Whether its heartbeats stay away. Undefined: nobody can tell who does not listen, or has not listened for long enough
 * to hear of a node that was never heard.
 */
export function isSilent(nodeId: string, samples: LatestSamples, watch: Watch): boolean | undefined {
  if (!watch.listening) return undefined;
  const beat = samples.beatOf(nodeId);
  if (beat) return waitedSince(beat.appendedAt, watch) > 1;
  const firstAt = samples.firstBeatAt();
  return firstAt !== undefined && waitedSince(firstAt, watch) > 1 ? true : undefined;
}

/**
 * A node as the API shows it: what was decided, and what its last heartbeat says. Unknown is null: what a node said last
 * says nothing of its engine and its watchdog once it is down, or silent for longer than its deadline.
 */
export function nodeView(row: NodeRow, beat: Seen<Heartbeat> | undefined, watch: Watch) {
  const { now, listening } = watch;
  const { nodeId, clusterId, zone, dataAddress, status, since, capacity, impairment, withheld, maintenance } = row;
  const silentMs = beat ? Math.max(0, now - Date.parse(beat.appendedAt)) : null;
  const waited = beat ? waitedSince(beat.appendedAt, watch) : null;
  const heard = waited !== null && waited <= 1 && status !== 'down' ? beat?.data : undefined;
  return {
    nodeId,
    clusterId,
    zone,
    dataAddress,
    status,
    since,
    lastHeartbeatAt: beat?.appendedAt ?? null,
    silentMs,
    suspicion: waited === null || !listening ? null : Math.round(Math.min(1, Math.max(0, waited)) * 100) / 100,
    incarnation: beat?.data.incarnation ?? row.incarnation,
    engine: {
      version: row.engineVersion,
      state: heard?.engine.state ?? null,
      qmpMs: heard?.engine.qmpMs ?? null,
    },
    media: beat?.data.media ?? [],
    load: heard?.load ?? null,
    watchdogAlive: heard?.watchdogAlive ?? null,
    capacity,
    placement: placementOf(row),
    impairment,
    withheld,
    maintenance,
    drain: row.drain && { ...row.drain, left: Object.keys(row.carries) },
  };
}

/** Load is what background work costs in bytes per second; systems are counted, they have no cost. */
function placementOf({ placement, carries }: NodeRow) {
  const costs = Object.values(carries).filter((cost) => cost !== null);
  const load = costs.reduce((sum, cost) => sum + cost, 0);
  return { ...placement, load, tasks: costs.length, systems: Object.keys(carries).length - costs.length };
}
export type NodeView = ReturnType<typeof nodeView>;
