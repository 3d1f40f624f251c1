import { crc32 } from 'node:zlib';
import type { ServeSpec, TaskKind } from '@holdfast/contracts';

/** A serve order as the journal keeps it: enough to serve again after a restart without asking anybody. */
export interface ServeOrder {
  taskId: string;
  systemId: string;
  epoch: number;
  spec: ServeSpec;
}

/** A background task is over: completed, by the attempt of this epoch, or called off, where there is none. */
export interface Ending {
  kind: TaskKind;
  taskId: string;
  epoch?: number;
  /** What it made, or read. */
  backup?: { systemId: string; pointId: string } | undefined;
}

/** What was told, with its place in the agent's stream. */
export interface Fact {
  version: number;
  id: string;
  at: string;
  type: string;
  data: object;
  meta: { correlationId: string; causationId: string; traceparent?: string };
}

export type JournalRecord =
  | { k: 'begun'; journalId: string }
  /** Facts up to here were dropped when the file was made smaller. */
  | { k: 'base'; version: number; sent: number }
  | { k: 'order'; order: ServeOrder }
  | { k: 'epoch'; route: string; epoch: number }
  /** A background task begins. It is not resumed by itself: the next owner is named by an order. */
  | { k: 'carry'; taskId: string; epoch: number }
  | { k: 'stop'; route: string; epoch: number }
  /** A background task was completed or cancelled: there is something to tidy up after it. */
  | { k: 'ending'; ending: Ending }
  /** That is done: nothing will be ordered of the task any more. */
  | { k: 'over'; taskId: string }
  /** One line per effect: the invariants over all journals are checked on them. */
  | { k: 'effect'; name: string; route: string; epoch: number; at: string }
  | { k: 'fact'; fact: Fact }
  | { k: 'sent'; version: number }
  | { k: 'offset'; topic: string; offset: string }
  | { k: 'head'; stream: string; version: number; id: string };

export interface JournalState {
  journalId: string;
  /** The highest epoch seen, by route: of each system, and of background tasks until they are over. */
  epochs: Map<string, number>;
  /** What this node was told to serve and has not stopped. */
  serving: Map<string, ServeOrder>;
  /** The background tasks that it was told to carry and that have not ended here, by their epochs. */
  carrying: Map<string, number>;
  /** What is over and has not been tidied up after. */
  endings: Map<string, Ending>;
  facts: Fact[];
  version: number;
  sent: number;
  offsets: Map<string, string>;
  heads: Map<string, { version: number; id: string }>;
}

/** Of a stop that names none: all that was noted before it. */
export const EVERY_EPOCH = Number.MAX_SAFE_INTEGER;

export function emptyState(): JournalState {
  return {
    journalId: '',
    epochs: new Map(),
    serving: new Map(),
    carrying: new Map(),
    endings: new Map(),
    facts: [],
    version: 0,
    sent: 0,
    offsets: new Map(),
    heads: new Map(),
  };
}

/** Changes the state in place: a journal is long, and nobody looks back. */
export function evolve(state: JournalState, record: JournalRecord): void {
  switch (record.k) {
    case 'begun':
      state.journalId = record.journalId;
      break;
    case 'base':
      state.version = Math.max(state.version, record.version);
      state.sent = Math.max(state.sent, record.sent);
      break;
    case 'order':
      raise(state, record.order.taskId, record.order.epoch);
      state.serving.set(record.order.taskId, record.order);
      break;
    case 'epoch':
      raise(state, record.route, record.epoch);
      break;
    case 'carry':
      raise(state, record.taskId, record.epoch);
      state.carrying.set(record.taskId, record.epoch);
      break;
    case 'stop':
      if ((state.carrying.get(record.route) ?? 0) <= record.epoch) state.carrying.delete(record.route);
      if ((state.serving.get(record.route)?.epoch ?? 0) <= record.epoch) state.serving.delete(record.route);
      break;
    case 'ending':
      state.endings.set(record.ending.taskId, record.ending);
      break;
    case 'over':
      for (const known of [state.epochs, state.carrying, state.endings]) known.delete(record.taskId);
      break;
    case 'effect':
      break;
    case 'fact':
      state.facts.push(record.fact);
      state.version = record.fact.version;
      break;
    case 'sent':
      state.sent = Math.max(state.sent, record.version);
      break;
    case 'offset':
      state.offsets.set(record.topic, record.offset);
      break;
    case 'head':
      state.heads.set(record.stream, { version: record.version, id: record.id });
      break;
  }
}

function raise({ epochs }: JournalState, route: string, epoch: number): void {
  epochs.set(route, Math.max(epochs.get(route) ?? 0, epoch));
}

/** The shortest journal that folds to this state, without facts that are both sent and older than this. */
export function condense(state: JournalState, olderThan: string): JournalRecord[] {
  const kept = state.facts.filter(({ version, at }) => version > state.sent || at >= olderThan);
  return [
    { k: 'begun', journalId: state.journalId },
    { k: 'base', version: state.version, sent: state.sent },
    ...[...state.epochs].map(([route, epoch]) => ({ k: 'epoch' as const, route, epoch })),
    ...[...state.serving.values()].map((order) => ({ k: 'order' as const, order })),
    ...[...state.carrying].map(([taskId, epoch]) => ({ k: 'carry' as const, taskId, epoch })),
    ...[...state.endings.values()].map((ending) => ({ k: 'ending' as const, ending })),
    ...[...state.offsets].map(([topic, offset]) => ({ k: 'offset' as const, topic, offset })),
    ...[...state.heads].map(([stream, head]) => ({ k: 'head' as const, stream, ...head })),
    ...kept.map((fact) => ({ k: 'fact' as const, fact })),
  ];
}

/** A line: length of the JSON in bytes, its CRC-32, the JSON. */
export function encodeRecord(record: JournalRecord): Buffer {
  const json = Buffer.from(JSON.stringify(record));
  return Buffer.concat([Buffer.from(`${json.length} ${hex(crc32(json))} `), json, Buffer.from('\n')]);
}

/** All whole records from the beginning, and how many bytes they take: what lies beyond is a torn tail. */
export function decodeRecords(bytes: Buffer): { records: JournalRecord[]; wholeBytes: number } {
  const records: JournalRecord[] = [];
  let at = 0;
  for (;;) {
    const head = /^(\d{1,9}) ([0-9a-f]{8}) /.exec(bytes.toString('latin1', at, at + 19));
    if (!head) break;
    const start = at + head[0].length;
    const end = start + Number(head[1]);
    const json = bytes.subarray(start, end);
    if (bytes[end] !== 0x0a || hex(crc32(json)) !== head[2]) break;
    records.push(JSON.parse(json.toString()) as JournalRecord);
    at = end + 1;
  }
  return { records, wholeBytes: at };
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}
