/** What every expected failure is. Callers branch on `code` and `retryable`, never on the text. */
export abstract class FleetError extends Error {
  abstract readonly code: string;
  /** Whether the same call may succeed later without anybody changing anything. */
  abstract readonly retryable: boolean;
  /** What the caller can do about it, in one sentence. */
  readonly remedy?: string;

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Something that cannot be is. It is a bug or a damaged log, never bad input: the stream that met it is parked. */
export class InvariantBroken extends FleetError {
  readonly code = 'INVARIANT_BROKEN';
  readonly retryable = false;
}

export function invariant(holds: unknown, message: string): asserts holds {
  if (!holds) throw new InvariantBroken(message);
}

/** Ends a `switch` over a union: a new member does not compile until it is handled. */
export function assertNever(value: never): never {
  throw new InvariantBroken(`unhandled: ${JSON.stringify(value)}`);
}
