import { Client, type Pool } from 'pg';
import { storeErrorOf } from './sql-errors';

/** A lock that one process holds for as long as its connection lives: when it dies, the next one gets it. */
export class SessionLock {
  private session: Client | undefined;
  private held = false;

  constructor(
    private readonly pool: Pool,
    private readonly name: string,
  ) {}

  /** True while held; takes it when it is free. */
  async hold(): Promise<boolean> {
    try {
      const session = (this.session ??= await this.connect());
      if (this.held) return true;
      const text = `select pg_try_advisory_lock(hashtext('holdfast'), hashtext($1)) as taken`;
      const { rows } = await session.query<{ taken: boolean }>(text, [this.name]);
      this.held = this.session === session && rows[0]?.taken === true;
      return this.held;
    } catch (error) {
      throw storeErrorOf(error);
    }
  }

  /** Ends the session, and the lock with it. */
  async release(): Promise<void> {
    const session = this.session;
    this.forget();
    await session?.end();
  }

  /** A connection beside the pool: it is kept for ever, and a pool of ten would have nine. */
  private async connect(): Promise<Client> {
    const session = new Client(this.pool.options);
    // Not once: pg tells of a dying server twice, and an error that nobody hears ends the process.
    session.on('error', () => {
      if (this.session === session) this.forget();
    });
    await session.connect();
    return session;
  }

  private forget(): void {
    this.session = undefined;
    this.held = false;
  }
}
