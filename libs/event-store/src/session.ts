import { invariant } from '@holdfast/kernel';
import type { Pool, PoolClient } from 'pg';
import { StoreUnavailable } from './errors';
import { storeErrorOf } from './sql-errors';

/** A server that was restarted may have been restored too: each new connection asks once whose it is. */
const serverStarts = new WeakMap<PoolClient, string>();

/** One connection, from `begin` to the end of its transaction. */
export class Session {
  /** Set once the connection broke, whatever error the work made of it. */
  lost: StoreUnavailable | undefined;
  private isOpen = true;

  private constructor(readonly client: PoolClient) {}

  static async begin(pool: Pool): Promise<Session> {
    try {
      const session = new Session(await pool.connect());
      session.client.on('error', session.onLost);
      // On failure the connection is given back too.
      await session.open().catch((error: Error) => session.fail(error));
      return session;
    } catch (error) {
      throw storeErrorOf(error);
    }
  }

  /** When the server behind this connection was started, in PostgreSQL's own words. */
  get serverStartedAt(): string {
    return serverStarts.get(this.client) ?? '';
  }

  /** False: the connection was lost on the way, and nobody knows. */
  async commit(): Promise<boolean> {
    try {
      const { command } = await this.client.query('commit');
      // PostgreSQL answers ROLLBACK when a statement had failed, and somebody had swallowed that error.
      invariant(command === 'COMMIT', 'a transaction with a failed statement was to be committed');
      this.isOpen = false;
      return true;
    } catch (thrown) {
      const error = storeErrorOf(thrown);
      if (!(error instanceof StoreUnavailable)) throw error;
      this.lost = error;
      return false;
    }
  }

  /** Rolls back what was not committed. */
  async end(): Promise<void> {
    if (this.isOpen && this.lost === undefined) await this.client.query('rollback').catch(this.onLost);
    this.client.off('error', this.onLost);
    this.client.release(this.lost);
  }

  private async open(): Promise<void> {
    await this.client.query('begin isolation level read committed');
    if (serverStarts.has(this.client)) return;
    const text = 'select pg_postmaster_start_time()::text as at';
    const { rows } = await this.client.query<{ at: string }>(text);
    serverStarts.set(this.client, rows[0]?.at ?? '');
  }

  private readonly onLost = (error: Error): void => {
    this.lost ??= new StoreUnavailable(`the connection was lost: ${error.message}`, { cause: error });
  };

  private async fail(error: Error): Promise<never> {
    this.onLost(error);
    await this.end();
    throw error;
  }
}
