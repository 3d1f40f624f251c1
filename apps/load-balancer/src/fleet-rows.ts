import type { ClusterId, Incarnation, NodeId, SystemId } from '@holdfast/contracts';
import type { Tx } from '@holdfast/event-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import type { Inventory } from './domain/filters';
import type { Known } from './domain/routing-table';

/** What other services told, kept in this service's own rows: facts about clusters and nodes that no table here decides. */
export class FleetRows1764115200100 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table cluster (
        cluster_id     text primary key,
        address_ranges text[] not null
      );

      -- The topics it is heard on overtake each other: a row begins with whichever fact comes first.
      create table node (
        cluster_id  text,
        node_id     text,
        zone        text,                               -- null: not joined yet
        budget      float8,
        healthy     boolean not null default false,
        incarnation text,                               -- of the agent that started last
        primary key (cluster_id, node_id)
      );

      -- A system's own until it is deleted, whoever serves it.
      create table system_address (
        address   text primary key,
        system_id text not null unique
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table cluster, node, system_address');
  }
}

/** What each node's agent said of itself when it started. */
export class NodeInventories1764115200400 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('alter table node add column kinds text[], add column medium_ok boolean');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table node drop column kinds, drop column medium_ok');
  }
}

/** What people do to nodes. */
export class NodeMaintenance1764133200500 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('alter table node add column in_maintenance boolean not null default false');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table node drop column in_maintenance');
  }
}

/** A node that has joined and is healthy may be opened for placement. */
export interface Openable {
  readonly nodeId: NodeId;
  readonly zone: string;
  readonly budget: number;
}

interface NodeRow {
  readonly zone: string | null;
  readonly budget: number | null;
  readonly healthy: boolean;
}

export async function noteCluster(tx: Tx, clusterId: ClusterId, ranges: readonly string[]): Promise<void> {
  await tx.query(
    `insert into cluster values ($1, $2) on conflict (cluster_id) do update set address_ranges = excluded.address_ranges`,
    [clusterId, ranges],
  );
}

export async function clusterIds(tx: Tx): Promise<ClusterId[]> {
  const rows = await tx.query<{ id: ClusterId }>('select cluster_id as id from cluster order by cluster_id');
  return rows.map(({ id }) => id);
}

export async function isCluster(tx: Tx, clusterId: ClusterId): Promise<boolean> {
  const rows = await tx.query('select 1 from cluster where cluster_id = $1', [clusterId]);
  return rows.length > 0;
}

/** What a cluster has to offer to a new system. */
export async function clusterOffer(tx: Tx, clusterId: ClusterId) {
  const [cluster] = await tx.query<{ ranges: string[]; nodes: number }>(
    `select address_ranges as ranges, (select count(*) from node n where n.cluster_id = c.cluster_id and zone is not null) as nodes
     from cluster c where cluster_id = $1`,
    [clusterId],
  );
  if (!cluster) return null;
  const taken = await tx.query<{ address: string }>('select address from system_address');
  return { ...cluster, taken: new Set(taken.map(({ address }) => address)) };
}

export async function takeAddress(tx: Tx, address: string, systemId: SystemId): Promise<void> {
  await tx.query('insert into system_address values ($1, $2)', [address, systemId]);
}

export async function freeAddress(tx: Tx, systemId: SystemId): Promise<void> {
  await tx.query('delete from system_address where system_id = $1', [systemId]);
}

export async function noteJoined(tx: Tx, clusterId: ClusterId, node: Openable): Promise<Openable | null> {
  const { nodeId, zone, budget } = node;
  const [row] = await tx.query<NodeRow>(
    `insert into node (cluster_id, node_id, zone, budget) values ($1, $2, $3, $4)
     on conflict (cluster_id, node_id) do update set zone = excluded.zone, budget = excluded.budget
     returning zone, budget, healthy`,
    [clusterId, nodeId, zone, budget],
  );
  return openable(nodeId, row);
}

/** Once it was judged unhealthy, what its agent told of the medium when it started counts no more: health looks on. */
export async function noteHealth(
  tx: Tx,
  { clusterId, nodeId }: { clusterId: ClusterId; nodeId: NodeId },
  healthy: boolean,
): Promise<Openable | null> {
  const [row] = await tx.query<NodeRow>(
    `insert into node (cluster_id, node_id, healthy) values ($1, $2, $3)
     on conflict (cluster_id, node_id) do update set healthy = excluded.healthy,
       medium_ok = case when excluded.healthy then node.medium_ok end
     returning zone, budget, healthy`,
    [clusterId, nodeId, healthy],
  );
  return openable(nodeId, row);
}

export async function forgetNode(tx: Tx, clusterId: ClusterId, nodeId: NodeId): Promise<void> {
  await tx.query('delete from node where cluster_id = $1 and node_id = $2', [clusterId, nodeId]);
}

export async function noteIncarnation(
  tx: Tx,
  { clusterId, nodeId, incarnation }: { clusterId: ClusterId; nodeId: NodeId; incarnation: Incarnation },
): Promise<void> {
  await tx.query(
    `insert into node (cluster_id, node_id, incarnation) values ($1, $2, $3)
     on conflict (cluster_id, node_id) do update set incarnation = excluded.incarnation`,
    [clusterId, nodeId, incarnation],
  );
}

export async function noteInventory(
  tx: Tx,
  { clusterId, nodeId }: { clusterId: ClusterId; nodeId: NodeId },
  { kinds, mediumOk }: Inventory,
): Promise<void> {
  await tx.query(
    `insert into node (cluster_id, node_id, kinds, medium_ok) values ($1, $2, $3, $4)
     on conflict (cluster_id, node_id) do update set kinds = excluded.kinds, medium_ok = excluded.medium_ok`,
    [clusterId, nodeId, kinds, mediumOk],
  );
}

export async function noteMaintenance(
  tx: Tx,
  { clusterId, nodeId }: { clusterId: ClusterId; nodeId: NodeId },
  inMaintenance: boolean,
): Promise<void> {
  // Its end may be heard when the node is retired: that brings no row back.
  const heard = inMaintenance
    ? `insert into node (cluster_id, node_id, in_maintenance) values ($1, $2, true)
       on conflict (cluster_id, node_id) do update set in_maintenance = true`
    : 'update node set in_maintenance = false where cluster_id = $1 and node_id = $2';
  await tx.query(heard, [clusterId, nodeId]);
}

interface HeardRow {
  readonly nodeId: NodeId;
  readonly incarnation: Incarnation | null;
  readonly kinds: string[] | null;
  readonly mediumOk: boolean | null;
  readonly inMaintenance: boolean;
}

/** What was heard of the nodes, and of the agents that run on them now. */
export async function heardOfNodes(
  tx: Tx,
  clusterId: ClusterId,
): Promise<Pick<Known, 'incarnations' | 'inventories' | 'inMaintenance'>> {
  const rows = await tx.query<HeardRow>(
    `select node_id as "nodeId", incarnation, kinds, medium_ok as "mediumOk", in_maintenance as "inMaintenance"
     from node where cluster_id = $1`,
    [clusterId],
  );
  const incarnations = rows.flatMap(({ nodeId, incarnation }) => (incarnation ? [[nodeId, incarnation] as const] : []));
  const inventories = rows.flatMap(({ nodeId, kinds, mediumOk }) =>
    kinds ? [[nodeId, { kinds, mediumOk: mediumOk ?? true }] as const] : [],
  );
  return {
    incarnations: Object.fromEntries(incarnations),
    inventories: Object.fromEntries(inventories),
    inMaintenance: rows.flatMap(({ nodeId, inMaintenance }) => (inMaintenance ? [nodeId] : [])),
  };
}

function openable(nodeId: NodeId, row: NodeRow | undefined): Openable | null {
  if (!row?.healthy || row.zone === null || row.budget === null) return null;
  return { nodeId, zone: row.zone, budget: row.budget };
}
