import { z } from 'zod';

/** One event: what it means to others, at its newest version, and how older versions become it. */
export interface EventContract<Type extends string = string, Schema extends z.ZodType = z.ZodType> {
  readonly kind: 'event';
  readonly type: Type;
  readonly version: number;
  readonly schema: Schema;
  /** From version n to n + 1, by n. */
  readonly upcast: Readonly<Record<number, (older: never) => object>>;
  /** The `kind/id`s that the event belongs to. */
  subjects(data: z.infer<Schema>): string[];
}

/** A high-rate observation: sent, consumed, never stored. Newer values replace older ones of the same subject. */
export interface SampleContract<Type extends string = string, Schema extends z.ZodType = z.ZodType> {
  readonly kind: 'sample';
  readonly type: Type;
  readonly version: number;
  readonly schema: Schema;
  subject(data: z.infer<Schema>): string;
}

/** The event as deciders and handlers see it. */
export type EventOf<Contract> =
  Contract extends EventContract<infer Type, infer Schema>
    ? { readonly type: Type; readonly data: z.infer<Schema> }
    : never;

export type SampleOf<Contract> =
  Contract extends SampleContract<infer Type, infer Schema>
    ? { readonly type: Type; readonly data: z.infer<Schema> }
    : never;

/** The union over a list of contracts. */
export type EventsOf<Contracts extends readonly EventContract[]> = EventOf<Contracts[number]>;

/** `subjects(data)` gives the `kind/id`s that it belongs to. Versions start at 1; each older one has an upcaster. */
export function defineEvent<const Type extends string, Schema extends z.ZodType>(
  type: Type,
  parts: {
    version: number;
    schema: Schema;
    upcast?: Readonly<Record<number, (older: never) => object>>;
    subjects(data: z.infer<Schema>): string[];
  },
): EventContract<Type, Schema> {
  return { kind: 'event', type, upcast: {}, ...parts };
}

export function defineSample<const Type extends string, Schema extends z.ZodType>(
  type: Type,
  parts: { version: number; schema: Schema; subject(data: z.infer<Schema>): string },
): SampleContract<Type, Schema> {
  return { kind: 'sample', type, ...parts };
}

/** One Kafka topic, its one owner, and the prefixes of the streams that live on it. */
export interface TopicContract {
  readonly name: `holdfast.${string}`;
  /** The context: `health` of `holdfast.health`. */
  readonly context: string;
  /** The service whose role appends to it; topics of agents and of samples have no store. */
  readonly owner: string;
  readonly stored: boolean;
  readonly prefixes: readonly string[];
  readonly events: readonly (EventContract | SampleContract)[];
  readonly retentionMs: number;
}

export function defineTopic(name: `holdfast.${string}`, parts: Omit<TopicContract, 'name' | 'context'>): TopicContract {
  return { name, context: name.slice('holdfast.'.length), ...parts };
}

/**
 * How a wish from outside is answered, so that one projection can follow every kind of operation. The owner's first
 * answer, `accepts` or `refuses`, carries the request's id as correlation id; `ends` are found by the operation's subject.
 */
export interface RequestContract {
  readonly event: EventContract;
  readonly owner: string;
  readonly accepts: readonly EventContract[];
  readonly refuses: readonly EventContract[];
  readonly ends: readonly [EventContract, ...EventContract[]];
  /** Ends too, but what was asked for has not come about: somebody called it off. */
  readonly cancels?: readonly EventContract[];
  /** It goes on only if a person does something. */
  readonly waits?: readonly EventContract[];
  /** Somebody did it. */
  readonly resumes?: readonly EventContract[];
  /** The answer to a dry run. Without it the request has none. */
  readonly plans?: EventContract;
  /** Seconds without progress until the operation reads `STALLED`. */
  readonly stallSec: number;
  /** What the operation is about: `kind/id`. */
  subject(data: never): string;
}

export function defineRequest<Type extends string, Schema extends z.ZodType>(
  event: EventContract<Type, Schema>,
  parts: Omit<RequestContract, 'event' | 'subject' | 'stallSec'> & {
    stallSec?: number;
    subject(data: z.infer<Schema>): string;
  },
): RequestContract {
  return { stallSec: 60, ...parts, event };
}
