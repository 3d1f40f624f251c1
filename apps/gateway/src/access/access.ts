import type { Role } from '@holdfast/contracts';
import type { EventStore } from '@holdfast/event-store';
import { logger } from '@holdfast/observability';
import { Problem } from '../http/problem';
import type { Actor, Grant, Tokens } from './tokens';

const RANK: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, admin: 2 };
const DENIAL_WINDOW_MS = 60_000;
const log = logger('access');

/** Who asks, and whether they may. A token itself is never logged, told or stored. */
export class Access {
  private readonly denials = new Map<string, { toldAt: number; untold: number }>();

  constructor(
    private readonly tokens: Tokens,
    private readonly store: EventStore,
    private readonly now: () => number = Date.now,
  ) {}

  admit(authorization: string | undefined, needed: Role): Actor {
    const [, secret] = /^Bearer +(\S+)$/i.exec(authorization ?? '') ?? [];
    if (secret === undefined) throw new Problem('UNAUTHENTICATED', 'no bearer token came with the request');
    const grant = this.tokens.find(secret);
    if (!grant) throw new Problem('UNAUTHENTICATED', 'this token was never issued');
    this.check(grant, needed);
    return { tokenId: grant.tokenId, role: grant.role };
  }

  private check(grant: Grant, needed: Role): void {
    const expired = grant.expiresAt !== null && Date.parse(grant.expiresAt) <= this.now();
    if (grant.revoked || expired) {
      this.deny(grant.tokenId);
      throw new Problem('UNAUTHENTICATED', grant.revoked ? 'this token is revoked' : 'this token has expired');
    }
    if (RANK[grant.role] < RANK[needed]) {
      this.deny(grant.tokenId);
      throw new Problem('FORBIDDEN', `a ${grant.role} may not do this`, {
        remedy: `ask an admin for a token of role ${needed}: \`POST /v1/access-tokens\``,
      });
    }
  }

  /** The first at once, then one a minute with how many there were: a guessing client fills no log. */
  private deny(tokenId: string): void {
    const before = this.denials.get(tokenId);
    if (before && this.now() - before.toldAt < DENIAL_WINDOW_MS) {
      before.untold += 1;
      return;
    }
    const count = (before?.untold ?? 0) + 1;
    this.denials.set(tokenId, { toldAt: this.now(), untold: 0 });
    this.tell(tokenId, count).catch((error: unknown) => log.warn({ err: error, tokenId }, 'denial not told'));
  }

  private async tell(tokenId: string, count: number): Promise<void> {
    const data = { tokenId, count, windowSec: DENIAL_WINDOW_MS / 1000 };
    await this.store.inTransaction(async (tx) => {
      tx.append({
        stream: `access-${tokenId}`,
        partitionKey: 'fleet',
        expected: null,
        events: [{ type: 'AccessDenied', data }],
      });
    });
  }
}
