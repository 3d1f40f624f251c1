import type { EventOf, TaskFaulted } from '@holdfast/contracts';
import { FleetError } from '@holdfast/kernel';
import { NbdError } from '@holdfast/nbd';
import { EngineError, JournalFailed, MediumInvalid } from './errors';

type ErrorClass = EventOf<typeof TaskFaulted>['data']['errorClass'];

/**
 * Why a task could not be done, by where it helps to try again. node: elsewhere; subject: nowhere, until a person has
 * looked; busy: here, later.
 */
export class TaskFault extends FleetError {
  readonly retryable: boolean;
  constructor(
    readonly errorClass: ErrorClass,
    readonly code:
      | 'POINT_GONE'
      | 'SOURCE_DAMAGED'
      | 'PIECE_DIFFERS'
      | 'BACKUP_EXISTS'
      | 'NO_SPACE'
      | 'ENGINE_DOWN'
      | 'MEDIUM_INVALID'
      | 'JOURNAL_FAILED',
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.retryable = errorClass !== 'subject';
  }
}

export function faultOf(error: unknown): TaskFault {
  if (error instanceof TaskFault) return error;
  const { message, code } = error as NodeJS.ErrnoException;
  const fault = (...[errorClass, name]: [ErrorClass, TaskFault['code']]) =>
    new TaskFault(errorClass, name, message, { cause: error });
  // The medium is one for all nodes: elsewhere it is as full as here.
  if (code === 'ENOSPC' || code === 'EDQUOT') return fault('busy', 'NO_SPACE');
  if (error instanceof EngineError && isDamage(message)) return fault('subject', 'SOURCE_DAMAGED');
  if (error instanceof EngineError || error instanceof NbdError) return fault('node', 'ENGINE_DOWN');
  if (error instanceof JournalFailed) return fault('node', 'JOURNAL_FAILED');
  if (error instanceof MediumInvalid) return fault('node', 'MEDIUM_INVALID');
  // What is left came from the file system, and all that a task touches lies on the medium.
  return fault('node', 'MEDIUM_INVALID');
}

/** The engine says so in its last words alone. */
const isDamage = (words: string): boolean => /not in qcow2 format|corrupt|L1 table|refcount/i.test(words);
