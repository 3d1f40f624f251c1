import type { Tx } from '@holdfast/event-store';
import type { Touch } from '../projections/projection';
import type { Place } from './tables';

interface Change {
  readonly key: string;
  readonly position: number;
  readonly body: object | undefined;
}

/** The rows that one batch of events touches: read once, changed in memory, written together with their history. */
export class RowBatch {
  private readonly rows = new Map<string, object | undefined>();
  /** Of each changed row all that it became, in order: at one position once. */
  private readonly changes = new Map<string, Change[]>();

  constructor(
    private readonly tx: Tx,
    private readonly place: Place,
  ) {}

  /** All that will be touched, in one question for keys and one for each field. */
  async load(touches: readonly Touch[]): Promise<void> {
    const keys = new Set<string>();
    const fields = new Map<string, Set<string>>();
    for (const touch of touches) {
      if ('key' in touch) keys.add(touch.key);
      else fields.set(touch.field, (fields.get(touch.field) ?? new Set()).add(touch.equals));
    }
    await this.take('key', [...keys]);
    for (const [field, values] of fields) await this.take(`body->>'${field}'`, [...values]);
  }

  /** The keys that a touch means, now. */
  keysOf(touch: Touch): string[] {
    if ('key' in touch) return [touch.key];
    const { field, equals } = touch;
    return [...this.rows]
      .filter(([, row]) => row && (row as Record<string, unknown>)[field] === equals)
      .map(([key]) => key);
  }

  get(key: string): object | undefined {
    return this.rows.get(key);
  }

  set(key: string, body: object | undefined, position: number): void {
    if (JSON.stringify(body) === JSON.stringify(this.rows.get(key))) return;
    this.rows.set(key, body);
    const before = (this.changes.get(key) ?? []).filter((change) => change.position !== position);
    this.changes.set(key, [...before, { key, position, body }]);
  }

  async write(): Promise<void> {
    const changed = [...this.changes.keys()];
    if (changed.length === 0) return;
    const kept = changed.filter((key) => this.rows.get(key));
    const gone = changed.filter((key) => !this.rows.get(key));
    const { rows } = this.place;
    await this.tx.query(
      `insert into ${rows} (key, body) select * from unnest($1::text[], $2::json[])
       on conflict (key) do update set body = excluded.body`,
      [kept, kept.map((key) => textOf(this.rows.get(key)))],
    );
    if (gone.length > 0) await this.tx.query(`delete from ${rows} where key = any($1)`, [gone]);
    await this.writeHistory();
  }

  /** Each change closes the row's last history row and opens the next. */
  private async writeHistory(): Promise<void> {
    const lives = [...this.changes.values()];
    const { history } = this.place;
    await this.tx.query(
      `update ${history} h set to_position = c.position from unnest($1::text[], $2::bigint[]) c(key, position)
       where h.key = c.key and h.to_position is null`,
      [lives.map(([first]) => first!.key), lives.map(([first]) => first!.position)],
    );
    const opened = lives.flatMap((life) =>
      life.map((change, index) => ({ ...change, to: life[index + 1]?.position ?? null })),
    );
    await this.tx.query(
      `insert into ${history} (key, from_position, to_position, body)
       select * from unnest($1::text[], $2::bigint[], $3::bigint[], $4::json[])`,
      [
        opened.map(({ key }) => key),
        opened.map(({ position }) => position),
        opened.map(({ to }) => to),
        opened.map(({ body }) => textOf(body)),
      ],
    );
  }

  private async take(where: string, values: readonly string[]): Promise<void> {
    if (values.length === 0) return;
    const sql = `select key, body from ${this.place.rows} where ${where} = any($1)`;
    for (const { key, body } of await this.tx.query<{ key: string; body: object }>(sql, [values]))
      this.rows.set(key, body);
  }
}

const textOf = (body: object | undefined): string | null => (body ? JSON.stringify(body) : null);
