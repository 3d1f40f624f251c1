import { FleetError } from '@holdfast/kernel';
import { inspect } from 'node:util';

/** Somebody tried to write a secret down. */
export class SecretExposed extends FleetError {
  readonly code = 'SECRET_EXPOSED';
  readonly retryable = false;
  override readonly remedy = 'call reveal() where the secret is used, and pass on nothing that holds it';
  constructor() {
    super('a secret was about to be serialised');
  }
}

/** A value that reaches no log, event or answer by accident: serialising it throws, printing it shows a mask. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    throw new SecretExposed();
  }

  toJSON(): never {
    throw new SecretExposed();
  }

  // A debugger or a printed parent object must not fail, and must not tell.
  [inspect.custom](): string {
    return '[secret]';
  }
}
