import type { Tx } from '@holdfast/event-store';
import type { Touch } from '../projections/projection';

interface Change {
  key: string;
  position: number;
  body: object | undefined;
}

/** The rows that one batch of events touches: read once, changed in memory, written together with their history. */
export class RowBatch {
  private readonly rows = new Map<string, object | undefined>();
  private readonly dirty = new Set<string>();
  private readonly changes: Change[] = [];

  constructor(
    private readonly tx: Tx,
    private readonly names: { table: string; history: string },
  ) {}

  /** The keys that a touch means, now. */
  async keysOf(touch: Touch): Promise<string[]> {
    if ('key' in touch) return [touch.key];
    const { field, equals } = touch;
    const stored = await this.tx.query<{ key: string; body: object }>(
      `select key, body from ${this.names.table} where body->>'${field}' = $1 order by key`,
      [equals],
    );
    for (const { key, body } of stored) if (!this.rows.has(key)) this.rows.set(key, body);
    return [...this.rows]
      .filter(([, row]) => row && (row as Record<string, unknown>)[field] === equals)
      .map(([key]) => key);
  }

  async get(key: string): Promise<object | undefined> {
    if (!this.rows.has(key)) {
      const stored = await this.tx.query<{ body: object }>(`select body from ${this.names.table} where key = $1`, [
        key,
      ]);
      this.rows.set(key, stored[0]?.body);
    }
    return this.rows.get(key);
  }

  set(key: string, body: object | undefined, position: number): void {
    if (JSON.stringify(body) === JSON.stringify(this.rows.get(key))) return;
    this.rows.set(key, body);
    this.dirty.add(key);
    this.changes.push({ key, position, body });
  }

  async write(): Promise<void> {
    if (this.dirty.size === 0) return;
    const kept = [...this.dirty].filter((key) => this.rows.get(key));
    const gone = [...this.dirty].filter((key) => !this.rows.get(key));
    const { table } = this.names;
    await this.tx.query(
      `insert into ${table} (key, body) select * from unnest($1::text[], $2::json[])
       on conflict (key) do update set body = excluded.body`,
      [kept, kept.map((key) => JSON.stringify(this.rows.get(key)))],
    );
    if (gone.length > 0) await this.tx.query(`delete from ${table} where key = any($1)`, [gone]);
    await this.writeHistory();
  }

  /** Each change closes the row's last history row and opens the next; two changes at one position are one. */
  private async writeHistory(): Promise<void> {
    const last = new Map(this.changes.map((change) => [`${change.position} ${change.key}`, change]));
    const changes = [...last.values()];
    const first = new Map([...changes].reverse().map(({ key, position }) => [key, position]));
    const nextOf = (of: Change) => changes.find(({ key, position }) => key === of.key && position > of.position);

    await this.tx.query(
      `update history h set to_position = c.position from unnest($2::text[], $3::bigint[]) c(key, position)
       where h.projection = $1 and h.key = c.key and h.to_position is null`,
      [this.names.history, [...first.keys()], [...first.values()]],
    );
    await this.tx.query(
      `insert into history (projection, key, from_position, to_position, body)
       select $1, * from unnest($2::text[], $3::bigint[], $4::bigint[], $5::json[])`,
      [
        this.names.history,
        changes.map(({ key }) => key),
        changes.map(({ position }) => position),
        changes.map((change) => nextOf(change)?.position ?? null),
        changes.map(({ body }) => (body ? JSON.stringify(body) : null)),
      ],
    );
  }
}
