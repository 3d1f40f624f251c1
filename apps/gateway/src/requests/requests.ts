import { requestContractOf, type RequestId } from '@holdfast/contracts';
import { OutboxFull, type EventStore, type Tx } from '@holdfast/event-store';
import { canonical } from '@holdfast/kernel';
import type { Tokens } from '../access/tokens';
import type { Feed } from '../feed/feed';
import type { Projector } from '../feed/projector';
import { newSecret } from '../access/tokens';
import { Problem } from '../http/problem';
import { ask, type OperationRow } from '../projections/operation';
import type { ActQuery, ActRoute, Call, Wish } from '../routes/route';
import { KnownInTransaction } from './known';
import { refuseUnplanned } from './plans';
import { requestIdOf, sha256 } from './request-id';

export interface Accepted {
  readonly requestId: RequestId;
  readonly operation: OperationRow;
  /** The secret of a new token: in its one answer, never again. */
  readonly token?: string | null;
}

export interface Limits {
  readonly unansweredSec: number;
  readonly outboxEvents: number;
}

interface RequestsParts {
  readonly store: EventStore;
  readonly tokens: Tokens;
  readonly feed: Feed;
  readonly projector: Projector;
  readonly limits: Limits;
}

/** A projection that takes longer is behind: the request is judged by what it has. */
const FOLDED_WITHIN_MS = 1_000;

type ActCall = Call<unknown, ActQuery>;

/** Appends what a caller wants, and its operation, in one transaction; under the same key the same answer for ever. */
export class Requests {
  private readonly store: EventStore;
  private readonly tokens: Tokens;

  constructor(private readonly parts: RequestsParts) {
    this.store = parts.store;
    this.tokens = parts.tokens;
  }

  async submit(route: ActRoute, call: ActCall, key: string | undefined): Promise<Accepted> {
    const requestId = requestIdOf(call.actor.tokenId, key);
    const { dryRun } = call.query;
    if (dryRun) refuseUnplanned(route);
    const bodyHash = sha256(canonical([route.path, call.params, call.body, ...(dryRun ? ['dryRun'] : [])]));
    const secret = newSecret();
    await this.refuseWhenFull();
    await this.foldWhatWasHeard();

    const context = { correlationId: requestId, actor: call.actor, command: route.event.type };
    const { value } = await this.store.inTransaction(
      async (tx) => {
        const first = await tx.query(
          `insert into accepted_request (request_id, body_hash) values ($1, $2) on conflict do nothing returning true`,
          [requestId, bodyHash],
        );
        if (first.length === 0) return this.repeat(tx, requestId, bodyHash);
        return this.append(tx, { route, call, requestId, hash: sha256(secret) });
      },
      { context },
    );
    if (value.fact) this.tokens.apply(value.fact);
    const token = value.fact ? secret : null;
    return { requestId, operation: value.operation, ...(route.secret && { token }) };
  }

  private async append(tx: Tx, asked: { route: ActRoute; call: ActCall; requestId: RequestId; hash: string }) {
    const { route, call, requestId, hash } = asked;
    const known = new KnownInTransaction(tx, { store: this.store, tokens: this.tokens }, requestId, { hash });
    const wish = await route.request(call as Call<never, ActQuery, never>, known);
    const data = { requestId, actor: call.actor, dryRun: call.query.dryRun, ...wish.data };
    const stream = wish.stream ?? `request-${requestId}`;
    const expected = wish.stream ? null : 0;
    const events = [{ type: route.event.type, data, id: requestId }];
    tx.append({ stream, partitionKey: wish.partitionKey, expected, events });

    const operation = this.operationOf(route, { wish, requestId, data });
    await tx.query('update accepted_request set operation = $2 where request_id = $1', [
      requestId,
      JSON.stringify(operation),
    ]);
    this.watch(tx, route, { requestId, wish });
    return { operation, fact: { type: route.event.type, data } };
  }

  /** What the projection will say of it too, once it has heard. */
  private operationOf(route: ActRoute, of: { wish: Wish; requestId: RequestId; data: object }): OperationRow {
    const request = requestContractOf(route.event.type);
    const subject = request ? request.subject(of.data as never) : (route.event.subjects(of.data)[0] ?? '');
    const at = new Date().toISOString();
    const row = ask({ id: of.requestId, kind: route.event.type, subject, at }, undefined);
    return request ? row : { ...row, state: 'succeeded', endedAt: at };
  }

  /** Timers of the same transaction: nothing that was accepted is forgotten, whatever dies next. */
  private watch(tx: Tx, route: ActRoute, { requestId, wish }: { requestId: RequestId; wish: Wish }): void {
    const request = requestContractOf(route.event.type);
    if (!request) return;
    const { partitionKey, data } = wish;
    const owner = (data as { service?: string }).service ?? request.owner;
    const dueAt = new Date(Date.now() + this.parts.limits.unansweredSec * 1000).toISOString();
    tx.setTimer(`request-${requestId}`, 'unanswered', dueAt, { requestId, owner, partitionKey });
    if (route.event.type === 'ProjectionRebuildRequested')
      tx.setTimer(`request-${requestId}`, 'rebuild', new Date().toISOString(), { requestId, ...data });
  }

  private async repeat(
    tx: Tx,
    requestId: RequestId,
    bodyHash: string,
  ): Promise<{ operation: OperationRow; fact?: never }> {
    const [before] = await tx.query<{ body_hash: string; operation: OperationRow }>(
      'select body_hash, operation from accepted_request where request_id = $1',
      [requestId],
    );
    if (before!.body_hash !== bodyHash)
      throw new Problem('IDEMPOTENCY_KEY_REUSED', 'this key stands for another request', {
        more: { requestId },
      });
    return { operation: before!.operation };
  }

  /** Whoever read an event may ask for what it made: they are not told that it is unknown. */
  private async foldWhatWasHeard(): Promise<void> {
    const { feed, projector } = this.parts;
    await projector.reached((await feed.head()).position, FOLDED_WITHIN_MS);
  }

  /** New requests wait while too much is unsent; decisions already owed do not. */
  private async refuseWhenFull(): Promise<void> {
    const { pending } = await this.store.outbox();
    const limit = this.parts.limits.outboxEvents;
    if (pending >= limit) throw new OutboxFull({ pending, limit });
  }
}
