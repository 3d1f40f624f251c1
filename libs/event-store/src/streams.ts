import { contractOf, subjectsOf, upcast } from '@holdfast/contracts';
import { type Decider, fold } from '@holdfast/kernel';
import { inSpan, storyAttributes } from '@holdfast/observability';
import { EventUnknown } from './errors';
import type { EventStore } from './event-store';
import type { StoredEvent } from './events';
import { LruMap } from './lru-map';
import type { Asker } from './reading';
import { Transaction, type Tx } from './transaction';

/** A decider bound to its streams: the way that every decision takes into the log. */
export interface Streams<C, S, E> {
  /** Load, decide, hand the events to the transaction's one append. Called again in the same `tx`, it goes on. */
  handle(tx: Tx, id: string, command: C): Promise<{ events: E[]; state: S; version: number }>;
  /** Outside of any transaction: inside of one, a second connection could wait for the first. */
  load(id: string, at?: { version: number }): Promise<{ state: S; version: number }>;
  /** Inside of one, with what it has decided so far. */
  loadIn(tx: Tx, id: string): Promise<{ state: S; version: number }>;
}

export interface Binding {
  /** Streams are `<prefix>-<id>`. */
  prefix: string;
  /** Names the form of the state: change it with the state, and older snapshots are passed over. */
  shape: string;
  /** The Kafka record key: the same for all of a stream. */
  partitionKey(id: string): string;
}

interface Folded<S> {
  readonly state: S;
  readonly version: number;
}

interface Named {
  readonly type: string;
}

const CACHED_STREAMS = 2_000;
const SNAPSHOT_EVERY = 200;

/** State is plain JSON: it is kept in memory by stream, and each 200 events as a snapshot. */
export function bindDecider<C extends Named, S, E extends Named & { readonly data: object }>(
  store: EventStore,
  decider: Decider<C, S, E>,
  binding: Binding,
): Streams<C, S, E> {
  return new BoundStreams(store, decider, binding);
}

class BoundStreams<C extends Named, S, E extends Named & { readonly data: object }> implements Streams<C, S, E> {
  private readonly cache = new LruMap<string, Folded<S>>(CACHED_STREAMS);

  constructor(
    private readonly store: EventStore,
    private readonly decider: Decider<C, S, E>,
    private readonly binding: Binding,
  ) {}

  async handle(tx: Tx, id: string, command: C): Promise<{ events: E[]; state: S; version: number }> {
    const transaction = Transaction.of(tx);
    const stream = this.keyOf(id);
    const { folded } = transaction.gathered;
    // A cached state may be out of date: the expected version of the append tells, or the look before commit.
    const known = folded.has(stream) ? undefined : (this.cache.get(stream) ?? (await this.fold(stream, { via: tx })));
    // Looked up after the read, for another call in this transaction may have been faster.
    const from = (folded.get(stream) ?? known) as Folded<S>;
    const attributes = { ...storyAttributes(tx.context), 'holdfast.stream': stream };
    return inSpan(`decide ${command.type}`, { attributes }, (span) => {
      const events = this.decider.decide(command, from.state);
      const next = this.stage(transaction.inContext({ command: command.type, ...tx.context }), { id, from, events });
      const base = folded.get(stream)?.base ?? from.version;
      folded.set(stream, { ...next, base, ...this.snapshotOf(base, next), settle: this.settle(stream, next) });
      span.setAttributes({ 'holdfast.version': next.version, ...outcomeOf(next.events) });
      return { ...next, events: next.events };
    });
  }

  async load(id: string, at?: { version: number }): Promise<Folded<S>> {
    const stream = this.keyOf(id);
    const known = this.cache.get(stream);
    const usable = known !== undefined && known.version <= (at?.version ?? Infinity) ? known : undefined;
    const loaded = await this.fold(stream, { via: this.store, from: usable, to: at?.version });
    if (at === undefined) this.cache.set(stream, loaded);
    return loaded;
  }

  async loadIn(tx: Tx, id: string): Promise<Folded<S>> {
    const stream = this.keyOf(id);
    const decided = Transaction.of(tx).gathered.folded.get(stream) as Folded<S> | undefined;
    if (decided !== undefined) return { state: decided.state, version: decided.version };
    const loaded = await this.fold(stream, { via: tx, from: this.cache.get(stream) });
    this.cache.set(stream, loaded);
    return loaded;
  }

  private keyOf(id: string): string {
    return `${this.binding.prefix}-${id}`;
  }

  /** Folds what is stored, defaults filled in, so that a replay reaches the very same state. */
  private stage(tx: Transaction, { id, from, events }: { id: string; from: Folded<S>; events: E[] }) {
    const partitionKey = this.binding.partitionKey(id);
    const stored = tx.append({ stream: this.keyOf(id), partitionKey, expected: from.version, events });
    const decided = stored.map(({ type, data }) => ({ type, data }) as E);
    return { events: decided, state: fold(this.decider, decided, from.state), version: from.version + decided.length };
  }

  private settle(stream: string, { state, version }: Folded<S>) {
    return (outcome: 'committed' | 'conflict') => {
      if (outcome === 'committed') this.cache.set(stream, { state, version });
      else this.cache.delete(stream);
    };
  }

  private snapshotOf(base: number, { version }: Folded<S>): { snapshot?: { shape: string } } {
    const due = Math.floor(version / SNAPSHOT_EVERY) > Math.floor(base / SNAPSHOT_EVERY);
    return due ? { snapshot: { shape: this.binding.shape } } : {};
  }

  private async fold(stream: string, how: { via: Asker; from?: Folded<S> | undefined; to?: number | undefined }) {
    const { via, to = Number.MAX_SAFE_INTEGER } = how;
    const from = how.from ?? (await this.readSnapshot(stream, { via, to })) ?? this.beginning();
    const tail = await this.store.eventsOf(stream, [from.version + 1, to], via);
    return {
      state: fold(this.decider, tail.map(newest<E>), from.state),
      version: tail.at(-1)?.version ?? from.version,
    };
  }

  private beginning(): Folded<S> {
    return { state: this.decider.initial, version: 0 };
  }

  private async readSnapshot(stream: string, { via, to }: { via: Asker; to: number }): Promise<Folded<S> | undefined> {
    const [row] = await via.query<Folded<S>>(
      'select version, state from snapshot where stream = $1 and shape = $2 and version <= $3',
      [stream, this.binding.shape, to],
    );
    return row;
  }
}

/** A refusal is an event too, and named as one. */
function outcomeOf([first]: readonly (Named & { readonly data: object })[]) {
  if (first === undefined) return { 'holdfast.outcome': 'nothing' };
  const outcome = first.type.endsWith('Rejected') ? 'refused' : 'decided';
  return { ...storyAttributes({ subjects: subjectsOf(first) }), 'holdfast.outcome': outcome };
}

/** Deciders see the newest version alone. What this build does not know stops the stream, and no other. */
function newest<E>({ type, schemaVersion, data }: StoredEvent): E {
  const contract = contractOf(type);
  if (contract?.kind !== 'event' || schemaVersion > contract.version) throw new EventUnknown(type, schemaVersion);
  return { type, data: upcast(contract, schemaVersion, data) } as E;
}
