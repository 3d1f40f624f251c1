import { FleetError } from '@holdfast/kernel';

type EngineErrorCode =
  /** The daemon answered a command with an error of another kind. */
  | 'ENGINE_REFUSED'
  /** No answer by the deadline: whether the command was carried out is unknown. */
  | 'ENGINE_SILENT'
  /** The daemon is gone, or never came up. */
  | 'ENGINE_GONE'
  /** Another process holds the image's lock. */
  | 'IMAGE_LOCKED'
  | 'ADDRESS_IN_USE'
  | 'NO_SPACE';

export class EngineError extends FleetError {
  readonly retryable: boolean;
  constructor(
    readonly code: EngineErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.retryable = code === 'IMAGE_LOCKED' || code === 'ADDRESS_IN_USE';
  }
}

/** Something on the medium is missing or unreadable. Nothing is opened; a person must look. */
export class MediumInvalid extends FleetError {
  readonly code = 'MEDIUM_INVALID';
  readonly retryable = false;
  override readonly remedy = 'check that the medium is mounted and that the named file is there and whole';
}

/** Somebody else holds `chain.lock` for longer than we wait, or it was lost while we had it. Nothing was changed. */
export class ChainLocked extends FleetError {
  readonly code = 'CHAIN_LOCKED';
  readonly retryable = true;
  override readonly remedy = 'wait: a node asleep in the lock is killed by its watchdog after 10 s';
}

/** Something newer was ordered meanwhile: this attempt ends without a word. */
export class Superseded extends FleetError {
  readonly code = 'SUPERSEDED';
  readonly retryable = false;
}

/** The journal's disk takes no more. The node goes on serving what it serves and takes nothing new. */
export class JournalFailed extends FleetError {
  readonly code = 'JOURNAL_FAILED';
  readonly retryable = true;
  override readonly remedy = "free space on the disk that holds the agent's state folder";
}
