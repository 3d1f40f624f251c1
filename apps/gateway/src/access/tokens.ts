import { AccessTokenIssued, AccessTokenRevoked, type EventOf, type Instant, type Role } from '@holdfast/contracts';
import { uuidV5, type EventStore } from '@holdfast/event-store';
import { randomBytes } from 'node:crypto';
import { sha256 } from '../requests/request-id';

export interface Actor {
  readonly tokenId: string;
  readonly role: Role;
}

export interface Grant extends Actor {
  readonly expiresAt: Instant | null;
  readonly revoked: boolean;
}

type TokenEvent = EventOf<typeof AccessTokenIssued> | EventOf<typeof AccessTokenRevoked>;

/** 256 random bits; the prefix lets a scanner of repositories find one that leaked. */
export const newSecret = (): string => `holdfast_${randomBytes(32).toString('base64url')}`;

/** Who may do what, from the gateway's own streams: it does not wait for Kafka, and an issued token works at once. */
export class Tokens {
  private readonly byHash = new Map<string, string>();
  private readonly grants = new Map<string, Grant>();

  constructor(private readonly store: EventStore) {}

  async load(): Promise<void> {
    for (const { key } of await this.store.streams('access-')) {
      for (const event of await this.store.read(key)) this.apply(event);
    }
  }

  apply(event: TokenEvent | { type: string; data: unknown }): void {
    const { type, data } = event as TokenEvent;
    if (type === 'AccessTokenIssued') {
      this.byHash.set(data.tokenHash, data.tokenId);
      const revoked = this.grants.get(data.tokenId)?.revoked ?? false;
      this.grants.set(data.tokenId, { tokenId: data.tokenId, role: data.role, expiresAt: data.expiresAt, revoked });
    }
    if (type === 'AccessTokenRevoked') {
      const grant = this.grants.get(data.tokenId);
      if (grant) this.grants.set(data.tokenId, { ...grant, revoked: true });
    }
  }

  /** Found by the hash, so no comparison tells how much of a guess was right. */
  find(secret: string): Grant | undefined {
    return this.grants.get(this.byHash.get(sha256(secret)) ?? '');
  }

  get(tokenId: string): Grant | undefined {
    return this.grants.get(tokenId);
  }

  /** The fleet's first admin. Its ids come from the hash, so a start that is repeated issues nothing twice. */
  async issueFirst(secret: string): Promise<void> {
    const tokenHash = sha256(secret);
    if (this.byHash.has(tokenHash)) return;
    const tokenId = uuidV5(`token\n${tokenHash}`);
    const data = {
      requestId: uuidV5(`first\n${tokenHash}`),
      actor: { tokenId, role: 'admin' },
      dryRun: false,
      tokenId,
      role: 'admin',
      label: 'first admin',
      tokenHash,
      expiresAt: null,
    };
    await this.store.inTransaction(async (tx) => {
      tx.append({
        stream: `access-${tokenId}`,
        partitionKey: 'fleet',
        expected: 0,
        events: [{ type: 'AccessTokenIssued', data, id: data.requestId }],
      });
    });
    this.apply({ type: 'AccessTokenIssued', data });
  }
}
