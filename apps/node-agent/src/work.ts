import type { ScrubSpec, SnapshotSpec, TaskResult } from '@holdfast/contracts';
import type { Unbranded } from './facts';
import type { NodeEngine, WaitsFor } from './take-up';

interface OrderOf<Kind, Spec> {
  kind: Kind;
  taskId: string;
  epoch: number;
  /** When it was ordered, by the clock that orders deletions too. */
  at: string;
  spec: Spec;
}
export type SnapshotOrder = OrderOf<'snapshot', SnapshotSpec>;
export type ScrubOrder = OrderOf<'scrub', ScrubSpec>;
export type TaskOrder = SnapshotOrder | ScrubOrder;

/** What one attempt at a task is given. */
export interface Work {
  node: NodeEngine;
  /** Aborted when the task is recalled, moved, ended, or ordered anew. */
  signal: AbortSignal;
  /** It cannot begin yet, for something that it may not force: told, and waited for until the signal. */
  blocked: (waitsFor: WaitsFor) => void;
  /** Before so many bytes are read. */
  turn(bytes: number): Promise<void>;
  /** Before so many bytes of an earlier attempt are read again: faster, or going on would take as long as beginning anew. */
  check(bytes: number): Promise<void>;
  /** Throws unless this is still the highest epoch of the task that this node knows: asked just before each seal. */
  mustBeOurs: () => void;
  /** So much more is sealed, up to here. */
  advance(bytes: number, token: string): void;
}

/** An attempt that has begun: everything it needs is there. */
export interface Begun {
  totalBytes: number;
  /** What an owner before had done and nobody need look at again. */
  doneBytes?: number;
  run(): Promise<Unbranded<TaskResult>>;
  /** Whether it ran to its end or not. */
  close(): Promise<void>;
}
