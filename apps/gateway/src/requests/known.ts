import type { EventStore, Tx } from '@holdfast/event-store';
import type { ParkedRow } from '../projections/parked-events.projection';
import { rowsTableOf } from '../projections/projection';
import { isThere as backupIsThere, type BackupRow } from '../projections/backups.projection';
import type { PlanRef } from '../projections/operation';
import { isThere as systemIsThere, type SystemRow } from '../projections/systems.projection';
import type { TaskRow } from '../projections/tasks.projection';
import type { Grant, Tokens } from '../access/tokens';
import { evolve, nobody, notFound, type Membership, type MembershipEvent } from './membership';

/** What a request is checked against, inside the transaction that appends it. */
export interface Known {
  /** From the gateway's own streams: true now. Others that change it wait until this transaction has ended. */
  members(): Promise<Membership>;
  /** From the projection: as far as the gateway has heard. */
  system(systemId: string): Promise<SystemRow & { clusterId: string }>;
  task(taskId: string): Promise<TaskRow>;
  backup(systemId: string, pointId: string): Promise<BackupRow>;
  /** The newest plan of this subject that has this digest. */
  plan(subject: string, planDigest: string): Promise<PlanRef | undefined>;
  parked(parkedId: string): Promise<ParkedRow>;
  token(tokenId: string): Grant;
  /** The secret that a new token will have, and its hash. */
  readonly secret: { readonly hash: string };
  readonly requestId: string;
}

/** One number for the lock under which the fleet's membership changes: node ids are unique over all clusters. */
const MEMBERSHIP_LOCK = 7480_0002;

export class KnownInTransaction implements Known {
  constructor(
    private readonly tx: Tx,
    private readonly from: { store: EventStore; tokens: Tokens },
    readonly requestId: string,
    readonly secret: { readonly hash: string },
  ) {}

  async members(): Promise<Membership> {
    await this.tx.query('select pg_advisory_xact_lock($1)', [MEMBERSHIP_LOCK]);
    let members = nobody;
    for (const { key, version } of await this.from.store.streams('membership-')) {
      const events = await this.from.store.eventsOf(key, [1, version], this.tx);
      members = events.reduce((known, event) => evolve(known, event as unknown as MembershipEvent), members);
    }
    return members;
  }

  async system(systemId: string): Promise<SystemRow & { clusterId: string }> {
    const row = await this.row<SystemRow>('systems', systemId);
    return row && systemIsThere(row) ? row : notFound('system', systemId, await this.keys('systems'));
  }

  async task(taskId: string): Promise<TaskRow> {
    return (await this.row<TaskRow>('tasks', taskId)) ?? notFound('task', taskId, await this.keys('tasks'));
  }

  async backup(systemId: string, pointId: string): Promise<BackupRow> {
    const backupId = `${systemId}/${pointId}`;
    const row = await this.row<BackupRow>('backups', backupId);
    return row && backupIsThere(row) ? row : notFound('backup', backupId, await this.keys('backups'));
  }

  async plan(subject: string, planDigest: string): Promise<PlanRef | undefined> {
    const rows = await this.tx.query<{ plan: PlanRef }>(
      `select body->'plan' as plan from ${rowsTableOf('operations')}
       where body->>'subject' = $1 and body->'plan'->>'planDigest' = $2 order by body->>'startedAt' desc limit 1`,
      [subject, planDigest],
    );
    return rows[0]?.plan;
  }

  async parked(parkedId: string): Promise<ParkedRow> {
    return (
      (await this.row<ParkedRow>('parked-events', parkedId)) ??
      notFound('parked-event', parkedId, await this.keys('parked-events'))
    );
  }

  token(tokenId: string): Grant {
    return this.from.tokens.get(tokenId) ?? notFound('access-token', tokenId);
  }

  private async row<Row>(name: string, key: string): Promise<Row | undefined> {
    const sql = `select body from ${rowsTableOf(name)} where key = $1`;
    return (await this.tx.query<{ body: Row }>(sql, [key]))[0]?.body;
  }

  private async keys(name: string): Promise<string[]> {
    const rows = await this.tx.query<{ key: string }>(`select key from ${rowsTableOf(name)}`);
    return rows.map(({ key }) => key);
  }
}
