import { serveTaskOf, topics, type SystemId } from '@holdfast/contracts';
import type { EventStore } from '@holdfast/event-store';
import { instantOf, type Feed, type Moment } from '../feed/feed';
import type { Projector } from '../feed/projector';
import { pageSql } from '../feed/paging';
import { rowsAt } from '../feed/tables';
import type { PageQuery } from '../http/page';
import { isThere as backupIsThere, type BackupRow } from '../projections/backups.projection';
import type { AutomationRow, ClusterRow } from '../projections/clusters.projection';
import type { NodeRow } from '../projections/nodes.projection';
import { isAsked, type OperationRow } from '../projections/operation';
import type { ParkedRow } from '../projections/parked-events.projection';
import { operationsProjection } from '../projections/operations.projection';
import { historyTableOf, rowsTableOf, type Projection } from '../projections/projection';
import { isThere, type SystemRow } from '../projections/systems.projection';
import { tasksProjection, type TaskRow } from '../projections/tasks.projection';
import { notFound } from '../requests/membership';
import { LatestSamples } from '../samples/latest';
import { backupView, type BackupView } from './backup.view';
import { brakesIn, clusterView, type Brake, type ClusterView } from './cluster.view';
import { isSilent, nodeView, type NodeView, type Watch } from './node.view';
import { operationView, type OperationView } from './operation.view';
import { rawRecordOf, type RawRecordView } from './parked.view';
import { pastOf } from './past';
import { planResultOf } from './plan.view';
import type { Around } from './progress';
import { systemStanding, systemView, type Fleet, type SystemStanding, type SystemView } from './system.view';
import { taskView, underBrake, type TaskView } from './task.view';

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

/** One state of a row: from the event that made it so, until the one that made it otherwise. */
export interface State<Row> {
  fromPosition: number;
  toPosition: number | null;
  at: string;
  body: Row | null;
}

/** All that the API reads: rows, put together with what is known in memory. Of the past the rows alone are known. */
export class Views {
  constructor(
    readonly from: Sources,
    readonly past?: Moment,
  ) {}

  /** As the gateway knew it at a position, or at an instant; not asked: now. */
  async at(asOf: string | undefined): Promise<Views> {
    if (asOf === undefined) return this;
    const unheard = { samples: new LatestSamples(), freshness: { all: () => [] } };
    return new Views({ ...this.from, ...unheard }, await pastOf(asOf, this.from));
  }

  /** The gateway's own topic is the pulse: what it sends each 5 s has come back through Kafka and the feed. */
  asOf(): AsOf {
    const { projector } = this.from;
    const broken = projector.broken();
    if (this.past) {
      const { position, at } = this.past;
      const behind = broken.filter((one) => one.position < position).map(({ name }) => name);
      return { position, at, ageMs: Math.max(0, Date.now() - Date.parse(at)), broken: behind };
    }
    const pulses = this.from.freshness.all().filter(({ topic }) => topic === topics.requests.name);
    const oldest = pulses
      .map(({ asOf }) => asOf)
      .reduce((a, b) => (a === null || b === null ? null : a < b ? a : b), pulses[0]?.asOf ?? null);
    const known = [oldest, ...broken.map(({ brokenSince }) => brokenSince)].filter((at) => at !== null);
    const ageMs = oldest === null ? null : Math.max(0, ...known.map((at) => Date.now() - Date.parse(at)));
    return { position: projector.position(), at: oldest, ageMs, broken: broken.map(({ name }) => name) };
  }

  /** All rows of a projection. */
  async rows<Row>(name: string): Promise<Row[]> {
    const sql = `select body from ${rowsAt(name, this.past?.position)} order by key`;
    return (await this.from.store.query<{ body: Row }>(sql)).map(({ body }) => body);
  }

  /** The rows of a page, and one to follow; of a page that PostgreSQL cannot find, all among which it is. */
  private async page<Row>({ name, endless }: Projection<Row>, page: PageQuery): Promise<Row[]> {
    const { rest, values, inOrder } = pageSql(endless!, page);
    const sql = `select body from ${rowsAt(name, this.past?.position, inOrder)} ${rest}`;
    return (await this.from.store.query<{ body: Row }>(sql, values)).map(({ body }) => body);
  }

  async row<Row>(name: string, key: string): Promise<Row | undefined> {
    const sql = this.past
      ? `select body from ${historyTableOf(name)} where key = $1 and from_position <= ${this.past.position}
         order by from_position desc limit 1`
      : `select body from ${rowsTableOf(name)} where key = $1`;
    return (await this.from.store.query<{ body: Row | null }>(sql, [key]))[0]?.body ?? undefined;
  }

  async keys(name: string): Promise<string[]> {
    const rows = await this.from.store.query<{ key: string }>(`select key from ${rowsAt(name, this.past?.position)}`);
    return rows.map(({ key }) => key);
  }

  /** A row that the API shows as it is. */
  async the<Row>(kind: string, name: string, key: string): Promise<Row> {
    return (await this.row<Row>(name, key)) ?? notFound(kind, key, await this.keys(name));
  }

  /** All that one row ever was, from after a position on. */
  async history<Row>(
    name: string,
    key: string,
    { after, limit }: { after: number; limit: number },
  ): Promise<State<Row>[]> {
    const sql = `select h.from_position as "fromPosition", h.to_position as "toPosition", h.body,
        ${instantOf('f.known_at')} as at
      from ${historyTableOf(name)} h join feed f on f.position = h.from_position
      where h.key = $1 and h.from_position > $2 order by h.from_position limit $3`;
    const states = await this.from.store.query<State<Row>>(sql, [key, after, limit]);
    return states.map(({ fromPosition, toPosition, ...state }) => ({
      fromPosition: Number(fromPosition),
      toPosition: toPosition === null ? null : Number(toPosition),
      ...state,
    }));
  }

  async fleet(): Promise<Fleet> {
    const [nodes, clusters, automation] = await Promise.all([
      this.rows<NodeRow>('nodes'),
      this.rows<ClusterRow>('clusters'),
      this.rows<AutomationRow>('automation'),
    ]);
    const watch = this.watch();
    const members = nodes.filter(({ membership }) => membership === 'member');
    return { nodes: members, clusters, automation, isSilent: (id) => isSilent(id, this.from.samples, watch) };
  }

  async nodes(): Promise<NodeView[]> {
    return (await this.fleet()).nodes.map((row) => this.nodeOf(row));
  }

  async node(nodeId: string): Promise<NodeView> {
    const row = await this.row<NodeRow>('nodes', nodeId);
    if (row?.membership !== 'member') return notFound('node', nodeId, await this.keys('nodes'));
    return this.nodeOf(row);
  }

  async clusters(): Promise<ClusterView[]> {
    const fleet = await this.fleet();
    return fleet.clusters.filter(({ registered }) => registered).map((row) => clusterView(row, fleet));
  }

  async cluster(clusterId: string): Promise<ClusterView> {
    const fleet = await this.fleet();
    const row = fleet.clusters.find((one) => one.registered && one.clusterId === clusterId);
    return row ? clusterView(row, fleet) : notFound('cluster', clusterId, await this.keys('clusters'));
  }

  async systems(): Promise<SystemView[]> {
    const [rows, fleet] = await Promise.all([this.rows<SystemRow>('systems'), this.fleet()]);
    return rows.filter(isThere).map((row) => systemView(row, fleet));
  }

  async system(systemId: string): Promise<SystemView> {
    const [row, fleet] = await Promise.all([this.row<SystemRow>('systems', systemId), this.fleet()]);
    return row && isThere(row) ? systemView(row, fleet) : notFound('system', systemId, await this.keys('systems'));
  }

  /** Of a system that is there. */
  async standing(systemId: string): Promise<SystemStanding> {
    const [row, fleet] = await Promise.all([this.row<SystemRow>('systems', systemId), this.fleet()]);
    return systemStanding(row ?? notFound('system', systemId), fleet);
  }

  /** Those of a page. */
  async operations(page: PageQuery): Promise<OperationView[]> {
    const rows = await this.page<OperationRow>(operationsProjection, page);
    const around = await this.around(rows.filter(({ endedAt }) => endedAt === null));
    return rows.map((row) => operationView(row, this.now(), around(row)));
  }

  /** An operation is readable as soon as it was answered with 202, before its event has come round. */
  async operation(id: string): Promise<OperationView> {
    const heard = await this.row<OperationRow>('operations', id);
    const row = heard && isAsked(heard) ? heard : this.past ? undefined : await this.accepted(id);
    if (!row) return notFound('operation', id);
    const around = await this.around([row]);
    const plan = await planResultOf(row, this.from.feed);
    return { ...operationView(row, this.now(), around(row)), ...(plan && { result: plan }) };
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

  /** Those of a page. */
  async tasks(page: PageQuery): Promise<TaskView[]> {
    const rows = await this.page<TaskRow>(tasksProjection, page);
    const brakes = await this.brakesOf(rows);
    return rows.map((row) => this.taskOf(row, brakes.get(row.clusterId)));
  }

  async task(taskId: string): Promise<TaskView> {
    const row = await this.the<TaskRow>('task', 'tasks', taskId);
    return this.taskOf(row, (await this.brakesOf([row])).get(row.clusterId));
  }

  async backups(): Promise<BackupView[]> {
    return (await this.rows<BackupRow>('backups')).filter(backupIsThere).map(backupView);
  }

  async backup(backupId: string): Promise<BackupView> {
    const row = await this.row<BackupRow>('backups', backupId);
    return row && backupIsThere(row) ? backupView(row) : notFound('backup', backupId, await this.keys('backups'));
  }

  async parkedEvent(parkedId: string): Promise<ParkedRow & { raw: RawRecordView | null }> {
    const row = await this.the<ParkedRow>('parked-event', 'parked-events', parkedId);
    return { ...row, raw: this.past ? null : await rawRecordOf(this.from.store, row) };
  }

  private taskOf(row: TaskRow, brake: Brake | undefined): TaskView {
    return underBrake(taskView(row, this.from.samples.progressOf(row.taskId), this.now()), brake);
  }

  /** What holds the clusters of those that wait for a node, by cluster. */
  async brakesOf(rows: readonly Pick<TaskRow, 'state' | 'clusterId'>[]): Promise<Map<string, Brake | undefined>> {
    return rows.some(({ state }) => state === 'pending') ? brakesIn(await this.fleet()) : new Map();
  }

  /** What these operations are about, read together. */
  private async around(rows: readonly OperationRow[]): Promise<(row: OperationRow) => Around> {
    const idsOf = (kind: string) => rows.flatMap(({ subject }) => idIn(subject, kind) ?? []);
    const [tasks, nodes, systems] = await Promise.all([
      this.some<TaskRow>('tasks', idsOf('task')),
      this.some<NodeRow>('nodes', idsOf('node')),
      this.some<SystemRow>('systems', idsOf('system')),
    ]);
    const { samples } = this.from;
    return ({ subject }) => {
      const [kind, id = ''] = subject.split('/');
      if (kind === 'task') return { task: tasks.get(id), seen: samples.progressOf(id) };
      if (kind === 'node') return { node: nodes.get(id) };
      if (kind !== 'system') return {};
      return { system: systems.get(id), seen: samples.progressOf(serveTaskOf(id as SystemId)) };
    };
  }

  /** The rows with these keys. */
  private async some<Row>(name: string, keys: readonly string[]): Promise<Map<string, Row>> {
    if (keys.length === 0) return new Map();
    const sql = `select key, body from ${rowsAt(name, this.past?.position)} where key = any($1)`;
    const rows = await this.from.store.query<{ key: string; body: Row }>(sql, [keys]);
    return new Map(rows.map(({ key, body }) => [key, body]));
  }

  private nodeOf(row: NodeRow): NodeView {
    return nodeView(row, this.from.samples.beatOf(row.nodeId), this.watch());
  }

  /** Whether samples are read now: a node may be silent, all of them at once are not, nor the canaries beside them. */
  private watch(): Watch {
    const read = this.from.freshness.all().filter(({ topic }) => topic === topics.samples.name);
    const listening = read.some(({ stalledMs }) => stalledMs < SAMPLES_STALL_MS);
    return { now: this.now(), alphaMs: this.from.alphaMs, listening };
  }

  private now(): number {
    return this.past ? Date.parse(this.past.at) : Date.now();
  }

  private async accepted(id: string): Promise<OperationRow | undefined> {
    if (!/^[0-9a-f-]{36}$/.test(id)) return undefined;
    const sql = 'select operation from accepted_request where request_id = $1';
    return (await this.from.store.query<{ operation: OperationRow }>(sql, [id]))[0]?.operation;
  }
}

const idIn = (subject: string, kind: string): string | undefined =>
  subject.startsWith(`${kind}/`) ? subject.slice(kind.length + 1) : undefined;
