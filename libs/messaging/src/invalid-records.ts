import type { EventStore } from '@holdfast/event-store';
import { logger } from '@holdfast/observability';
import { InboxRows, type ParkedRecord } from './inbox-rows';
import { rejected } from './samples';
import type { InvalidRecord, RawRecord } from './wire';

const KEPT_RECORDS = 1_000;
const KEPT_BYTES = 16_384;
const SAID_AGAIN_MS = 60_000;

/**
 * Records that nobody may act on. They belong to no stream that could be stopped: each is counted, the newest are kept for
 * who wants to see them. If one hid a real event, that version is missed and asked for.
 */
export class InvalidRecords {
  readonly #saidAt = new Map<string, number>();
  readonly #log = logger('inbox');

  constructor(
    private readonly store: EventStore,
    private readonly consumer: string,
  ) {}

  /** One transaction for all, however many. */
  async keep(all: readonly { record: InvalidRecord; raw: RawRecord }[]): Promise<void> {
    if (all.length === 0) return;
    await this.store.inTransaction(async (tx) => {
      const rows = new InboxRows(tx, this.consumer);
      for (const { record, raw } of all.slice(-KEPT_RECORDS)) await rows.park(rowOf(record, raw));
      await rows.keepNewestInvalid(KEPT_RECORDS);
    });
    for (const { record } of all) {
      rejected().inc({ topic: record.topic });
      this.#say(record);
    }
  }

  /** Once a minute for each reason, of which there are a few: a flood of records is no flood of words. */
  #say({ topic, partition, offset, reason }: InvalidRecord): void {
    if (performance.now() - (this.#saidAt.get(reason) ?? -Infinity) < SAID_AGAIN_MS) return;
    this.#saidAt.set(reason, performance.now());
    this.#log.error({ topic, partition, offset, reason }, 'a record that nobody may act on');
  }
}

function rowOf({ reason }: InvalidRecord, raw: RawRecord): ParkedRecord {
  const { topic, partition, offset, timestamp, headers, key, value } = raw;
  return {
    ...{ stream: `${topic}/${partition}`, version: Number(offset), topic, partition, offset, timestamp },
    headers: headersSize(headers) > KEPT_BYTES ? {} : headers,
    key: key === null ? null : String(key.subarray(0, KEPT_BYTES)),
    value: value === null ? null : value.subarray(0, KEPT_BYTES),
    ...{ code: 'RECORD_INVALID', message: reason, attempts: 0 },
  };
}

function headersSize(headers: RawRecord['headers']): number {
  return Object.entries(headers).reduce((sum, [name, value]) => sum + name.length + String(value).length, 0);
}
