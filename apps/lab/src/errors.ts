import { FleetError } from '@holdfast/kernel';

/** A step of the start that failed: what was checked, what to do, and where the words are. */
export class StepFailed extends FleetError {
  readonly code = 'START_FAILED';
  readonly retryable = false;
  override readonly remedy: string;
  readonly logFile?: string;

  constructor(check: string, details: { remedy?: string; logFile?: string; cause?: unknown } = {}) {
    super(check, { cause: details.cause });
    this.remedy = details.remedy ?? 'the lines above say more';
    if (details.logFile !== undefined) this.logFile = details.logFile;
  }
}

/** The gateway's answer was no: its code, as it gave it. */
export class RequestRefused extends FleetError {
  readonly retryable = false;

  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
  ) {
    super(`${code}: ${detail}`);
  }
}
