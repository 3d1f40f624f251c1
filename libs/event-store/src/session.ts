import { invariant } from '@holdfast/kernel';
import type { Pool, PoolClient } from 'pg';
import { StoreUnavailable } from './errors';
import { storeErrorOf } from './sql-errors';

/** One connection, from `begin` to the end of its transaction. */
export class Session {
  /** Set once the connection broke, whatever error the work made of it. */
  lost: StoreUnavailable | undefined;
  private open = true;

  private constructor(readonly client: PoolClient) {}

  static async begin(pool: Pool): Promise<Session> {
    try {
      const session = new Session(await pool.connect());
      session.client.on('error', session.onLost);
      // On failure the connection is given back too.
      await session.client.query('begin isolation level read committed').catch((error) => session.fail(error));
      return session;
    } catch (error) {
      throw storeErrorOf(error);
    }
  }

  /** False: the connection was lost on the way, and nobody knows. */
  async commit(): Promise<boolean> {
    try {
      const { command } = await this.client.query('commit');
      // PostgreSQL answers ROLLBACK when a statement had failed, and somebody had swallowed that error.
      invariant(command === 'COMMIT', 'a transaction with a failed statement was to be committed');
      this.open = false;
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
    if (this.open && this.lost === undefined) await this.client.query('rollback').catch(this.onLost);
    this.client.off('error', this.onLost);
    this.client.release(this.lost);
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
