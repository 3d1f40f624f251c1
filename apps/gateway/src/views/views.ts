import { topics } from '@holdfast/contracts';
import type { EventStore } from '@holdfast/event-store';
import type { Feed } from '../feed/feed';
import type { Projector } from '../feed/projector';
import type { AutomationRow, ClusterRow } from '../projections/clusters.projection';
import type { NodeRow } from '../projections/nodes.projection';
import { isAsked, type OperationRow } from '../projections/operations.projection';
import type { ParkedRow } from '../projections/parked-events.projection';
import { rowsTableOf } from '../projections/projection';
import type { SystemRow } from '../projections/systems.projection';
import { notFound } from '../requests/membership';
import type { LatestSamples } from '../samples/latest';
import { clusterView, type ClusterView } from './cluster.view';
import { nodeView, type NodeView } from './node.view';
import { operationView, type OperationView } from './operation.view';
import { rawRecordOf, type RawRecordView } from './parked.view';
import { standingOf, systemView, type Fleet, type Standing, type SystemView } from './system.view';

/** When the picture was taken: its place in the feed, and how far that is behind the log. */
export interface AsOf {
  position: number;
  at: string | null;
  ageMs: number | null;
  /** The projections that stand still: what is made of them is as old as `ageMs` says. */
  broken: string[];
}

interface Sources {
  readonly store: EventStore;
  readonly feed: Feed;
  readonly projector: Projector;
  readonly samples: LatestSamples;
  readonly freshness: { all(): { topic: string; asOf: string | null; stalledMs: number }[] };
  readonly alphaMs: number;
}

/** Canaries come each 250 ms to every partition, heartbeats each second: who reads nothing for so long is cut off. */
const SAMPLES_STALL_MS = 2_000;

/** How many rows of a kind without end are looked at: the newest. */
const NEWEST = 5_000;

/** All that the API reads: rows, put together with what is known in memory. */
export class Views {
  constructor(readonly from: Sources) {}

  /** The gateway's own topic is the pulse: what it sends each 5 s has come back through Kafka and the feed. */
  asOf(): AsOf {
    const pulses = this.from.freshness.all().filter(({ topic }) => topic === topics.requests.name);
    const oldest = pulses
      .map(({ asOf }) => asOf)
      .reduce((a, b) => (a === null || b === null ? null : a < b ? a : b), pulses[0]?.asOf ?? null);
    const { projector } = this.from;
    const broken = projector.broken();
    const known = [oldest, ...broken.map(({ brokenSince }) => brokenSince)].filter((at) => at !== null);
    const ageMs = oldest === null ? null : Math.max(0, ...known.map((at) => Date.now() - Date.parse(at)));
    return { position: projector.position(), at: oldest, ageMs, broken: broken.map(({ name }) => name) };
  }

  /** Whether samples are read now: a node may be silent, all of them at once are not, nor the canaries beside them. */
  private listening(): boolean {
    const read = this.from.freshness.all().filter(({ topic }) => topic === topics.samples.name);
    return read.some(({ stalledMs }) => stalledMs < SAMPLES_STALL_MS);
  }

  async rows<Row>(name: string): Promise<Row[]> {
    const sql = `select body from ${rowsTableOf(name)} order by key`;
    return (await this.from.store.query<{ body: Row }>(sql)).map(({ body }) => body);
  }

  async row<Row>(name: string, key: string): Promise<Row | undefined> {
    const sql = `select body from ${rowsTableOf(name)} where key = $1`;
    return (await this.from.store.query<{ body: Row }>(sql, [key]))[0]?.body;
  }

  async fleet(): Promise<Fleet> {
    const [nodes, clusters, automation] = await Promise.all([
      this.rows<NodeRow>('nodes'),
      this.rows<ClusterRow>('clusters'),
      this.rows<AutomationRow>('automation'),
    ]);
    return { nodes: nodes.filter(({ membership }) => membership === 'member'), clusters, automation };
  }

  async nodes(): Promise<NodeView[]> {
    const { samples, alphaMs } = this.from;
    const watch = { now: Date.now(), alphaMs, listening: this.listening() };
    return (await this.fleet()).nodes.map((row) => nodeView(row, samples.beatOf(row.nodeId), watch));
  }

  async node(nodeId: string): Promise<NodeView> {
    const nodes = await this.nodes();
    return (
      nodes.find((node) => node.nodeId === nodeId) ??
      notFound(
        'node',
        nodeId,
        nodes.map((node) => node.nodeId),
      )
    );
  }

  async clusters(): Promise<ClusterView[]> {
    const fleet = await this.fleet();
    return fleet.clusters.filter(({ registered }) => registered).map((row) => clusterView(row, fleet));
  }

  async cluster(clusterId: string): Promise<ClusterView> {
    const all = await this.clusters();
    return (
      all.find((one) => one.clusterId === clusterId) ??
      notFound(
        'cluster',
        clusterId,
        all.map((one) => one.clusterId),
      )
    );
  }

  async systems(): Promise<SystemView[]> {
    const [rows, fleet] = await Promise.all([this.rows<SystemRow>('systems'), this.fleet()]);
    return rows.filter(isThere).map((row) => systemView(row, fleet));
  }

  async system(systemId: string): Promise<SystemView> {
    const all = await this.systems();
    return (
      all.find((one) => one.systemId === systemId) ??
      notFound(
        'system',
        systemId,
        all.map((one) => one.systemId),
      )
    );
  }

  /** Of a system that is there. */
  async standing(systemId: string): Promise<Standing> {
    const [row, fleet] = await Promise.all([this.row<SystemRow>('systems', systemId), this.fleet()]);
    return standingOf(row ?? notFound('system', systemId), fleet);
  }

  async operations(): Promise<OperationView[]> {
    const sql = `select body from rows_operations where body->>'state' <> 'unasked' order by body->>'startedAt' desc limit ${NEWEST}`;
    const rows = await this.from.store.query<{ body: OperationRow }>(sql);
    return rows.map(({ body }) => operationView(body, Date.now()));
  }

  /** An operation is readable as soon as it was answered with 202, before its event has come round. */
  async operation(id: string): Promise<OperationView> {
    const heard = await this.row<OperationRow>('operations', id);
    const row = heard && isAsked(heard) ? heard : await this.accepted(id);
    if (row) return operationView(row, Date.now());
    return notFound('operation', id);
  }

  /** The operation once it has ended, or as it stands after so long. */
  async ended(id: string, wait: { sec: number; gone: AbortSignal }): Promise<OperationView> {
    const until = Date.now() + wait.sec * 1000;
    for (;;) {
      const operation = await this.operation(id);
      const leftMs = until - Date.now();
      if (operation.endedAt !== null || leftMs <= 0 || wait.gone.aborted) return operation;
      await this.from.projector.moved(Math.min(leftMs, 1_000));
    }
  }

  async parkedEvent(parkedId: string): Promise<ParkedRow & { raw: RawRecordView | null }> {
    const all = await this.rows<ParkedRow>('parked-events');
    const ids = all.map((one) => one.parkedId);
    const row = all.find((one) => one.parkedId === parkedId) ?? notFound('parked-event', parkedId, ids);
    return { ...row, raw: await rawRecordOf(this.from.store, row) };
  }

  private async accepted(id: string): Promise<OperationRow | undefined> {
    if (!/^[0-9a-f-]{36}$/.test(id)) return undefined;
    const sql = 'select operation from accepted_request where request_id = $1';
    return (await this.from.store.query<{ operation: OperationRow }>(sql, [id]))[0]?.operation;
  }
}

const isThere = ({ lifecycle }: SystemRow) => lifecycle !== 'unknown' && lifecycle !== 'gone';
