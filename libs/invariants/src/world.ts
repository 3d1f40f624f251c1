import { AgentsState } from './agents-state';
import type { LoggedEvent, Told } from './event';
import { HaltsState } from './halts-state';
import { HealthState } from './health-state';
import { RequestsState } from './requests-state';
import { StreamsState } from './streams-state';
import { SystemsState } from './systems-state';
import { TableState } from './table-state';

/** What happened less than this before the log's end may still lead to something. */
const SETTLED_MS = 60_000;

/** What the log has told so far: it grows with what there is, not with what happened. */
export class World {
  readonly streams: StreamsState;
  readonly requests = new RequestsState();
  readonly systems = new SystemsState();
  readonly agents = new AgentsState();
  readonly health = new Map<string, HealthState>();
  readonly tables = new Map<string, TableState>();
  readonly halts = new HaltsState();
  /** The newest time that any event tells. */
  private nowMs = 0;

  constructor(whole: boolean) {
    this.streams = new StreamsState(whole);
  }

  healthOf(clusterId: string): HealthState {
    return madeIn(this.health, clusterId, () => new HealthState());
  }

  tableOf(clusterId: string): TableState {
    return madeIn(this.tables, clusterId, () => new TableState());
  }

  /** Long enough ago that what it leads to has been told as well. */
  isSettled(at: string): boolean {
    return this.nowMs - Date.parse(at) > SETTLED_MS;
  }

  advance(logged: LoggedEvent): void {
    const event = logged as unknown as Told;
    this.streams.advance(logged);
    this.requests.advance(event, this.systems.isFailedCreation(event));
    this.systems.advance(event);
    this.agents.advance(event);
    this.halts.advance(event);
    const { clusterId } = logged.data as { clusterId?: string };
    if (clusterId && logged.stream.startsWith('cluster-health-')) this.healthOf(clusterId).advance(event);
    if (clusterId && logged.stream.startsWith('routing-table-')) this.tableOf(clusterId).advance(event);
    this.nowMs = Math.max(this.nowMs, Date.parse(logged.at));
  }
}

function madeIn<T>(map: Map<string, T>, key: string, make: () => T): T {
  const known = map.get(key) ?? make();
  map.set(key, known);
  return known;
}
