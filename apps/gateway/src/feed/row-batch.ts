import type { Tx } from '@holdfast/event-store';
import type { Touch } from '../projections/projection';
import type { Place } from './tables';

/** A row, and as it is written: null, there is none. */
interface Row {
  readonly body: object | undefined;
  readonly text: string | null;
}

interface Change {
  readonly key: string;
  readonly position: number;
  readonly text: string | null;
}

/** The rows that one batch of events touches: read once, changed in memory, written together with their history. */
export class RowBatch {
  private readonly rows = new Map<string, Row>();
  /** Keys by the value of each field that is looked for: `field value`. */
  private readonly found = new Map<string, Set<string>>();
  private readonly fields = new Set<string>();
  /** Of each changed row all that it became, in order: at one position once. */
  private readonly changes = new Map<string, Change[]>();

  constructor(
    private readonly tx: Tx,
    private readonly place: Place,
  ) {}

  /** All that will be touched, in one question for keys and one for each field. */
  async load(touches: readonly Touch[]): Promise<void> {
    const keys = new Set<string>();
    const values = new Map<string, Set<string>>();
    for (const touch of touches) {
      if ('key' in touch) keys.add(touch.key);
      else values.set(touch.field, (values.get(touch.field) ?? new Set()).add(touch.equals));
    }
    for (const field of values.keys()) this.fields.add(field);
    await this.take('key', [...keys]);
    for (const [field, wanted] of values) await this.take(`body->>'${field}'`, [...wanted]);
  }

  /** The keys that a touch means, now. */
  keysOf(touch: Touch): string[] {
    if ('key' in touch) return [touch.key];
    return [...(this.found.get(`${touch.field} ${touch.equals}`) ?? [])];
  }

  get(key: string): object | undefined {
    return this.rows.get(key)?.body;
  }

  set(key: string, body: object | undefined, position: number): void {
    const row = rowOf(body);
    if (row.text === (this.rows.get(key)?.text ?? null)) return;
    this.put(key, row);
    const before = (this.changes.get(key) ?? []).filter((change) => change.position !== position);
    this.changes.set(key, [...before, { key, position, text: row.text }]);
  }

  async write(): Promise<void> {
    const changed = [...this.changes.keys()];
    if (changed.length === 0) return;
    const kept = changed.filter((key) => this.get(key));
    const gone = changed.filter((key) => !this.get(key));
    const { rows } = this.place;
    await this.tx.query(
      `insert into ${rows} (key, body) select * from unnest($1::text[], $2::json[])
       on conflict (key) do update set body = excluded.body`,
      [kept, kept.map((key) => this.rows.get(key)?.text)],
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
        opened.map(({ text }) => text),
      ],
    );
  }

  private async take(where: string, values: readonly string[]): Promise<void> {
    if (values.length === 0) return;
    const sql = `select key, body from ${this.place.rows} where ${where} = any($1)`;
    const stored = await this.tx.query<{ key: string; body: object }>(sql, [values]);
    for (const { key, body } of stored) this.put(key, rowOf(body));
  }

  private put(key: string, row: Row): void {
    for (const field of this.fields) {
      this.found.get(valueOf(this.rows.get(key), field))?.delete(key);
      const now = valueOf(row, field);
      this.found.set(now, (this.found.get(now) ?? new Set()).add(key));
    }
    this.rows.set(key, row);
  }
}

const rowOf = (body: object | undefined): Row => ({ body, text: body ? JSON.stringify(body) : null });
const valueOf = (row: Row | undefined, field: string): string =>
  row?.body ? `${field} ${String((row.body as Record<string, unknown>)[field])}` : '';
