import type { EventStore, Tx } from '@holdfast/event-store';
import type { ParkedRow } from '../projections/parked-events.projection';
import { rowsTableOf } from '../projections/projection';
import type { SystemRow } from '../projections/systems.projection';
import type { Grant, Tokens } from '../access/tokens';
import { evolve, nobody, notFound, type Membership, type MembershipEvent } from './membership';

/** What a request is checked against, inside the transaction that appends it. */
export interface Known {
  /** From the gateway's own streams: true now. Others that change it wait until this transaction has ended. */
  members(): Promise<Membership>;
  /** From the projection: as far as the gateway has heard. */
  system(systemId: string): Promise<SystemRow>;
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

  async system(systemId: string): Promise<SystemRow> {
    const row = await this.row<SystemRow>('systems', systemId);
    const isThere = row && row.lifecycle !== 'gone' && row.lifecycle !== 'unknown';
    return isThere ? row : notFound('system', systemId, await this.keys('systems'));
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
