import type * as contracts from '@holdfast/contracts';
import type { EventContract, EventOf } from '@holdfast/contracts';

/** An event as the gateway's feed shows it. */
export interface LoggedEvent {
  readonly position: number;
  readonly topic: string;
  readonly stream: string;
  readonly version: number;
  readonly id: string;
  /** When its owner's store took it; of agents, when the node told it. */
  readonly at: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly correlationId: string | null;
  readonly causationId: string | null;
}

type Contracts = typeof contracts;
type TypeOf<Value> = Value extends EventContract<infer Type> ? Type : never;
type ToldBy<Value> = Value extends EventContract ? EventOf<Value> : never;

export type EventType = { [Name in keyof Contracts]: TypeOf<Contracts[Name]> }[keyof Contracts];
type AnyEvent = { [Name in keyof Contracts]: ToldBy<Contracts[Name]> }[keyof Contracts];

/** One whose type is known: its data is what its contract says, for it was checked when it was appended. */
export type Told = Omit<LoggedEvent, 'type' | 'data'> & AnyEvent;
