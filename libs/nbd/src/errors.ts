import { FleetError } from '@holdfast/kernel';

export type NbdErrorCode =
  /** No connection: nobody listens, or the path does not exist. */
  | 'NBD_UNREACHABLE'
  /** The server answered and does not want us: an unknown export, or a policy. */
  | 'NBD_REFUSED'
  /** No answer by the deadline. What was asked may have happened: the connection is given up. */
  | 'NBD_TIMEOUT'
  /** The connection ended. What was in flight may have happened. */
  | 'NBD_CLOSED'
  /** The other side does not speak fixed newstyle NBD. */
  | 'NBD_PROTOCOL'
  /** The server could not do it: `errno` says why. The connection lives on. */
  | 'NBD_IO';

const remedies: Record<NbdErrorCode, string> = {
  NBD_UNREACHABLE: 'check that the export is served at this address, then connect again',
  NBD_REFUSED: 'check the name of the export',
  NBD_TIMEOUT: 'connect again and repeat what was not acknowledged',
  NBD_CLOSED: 'connect again and repeat what was not acknowledged',
  NBD_PROTOCOL: 'check that an NBD server listens at this address',
  NBD_IO: 'look at errno: ENOSPC means that the medium is full',
};

export class NbdError extends FleetError {
  readonly retryable: boolean;
  override readonly remedy: string;
  /** The server's errno by name, with `NBD_IO` alone. */
  readonly errno?: string;

  constructor(
    readonly code: NbdErrorCode,
    message: string,
    options: { cause?: unknown; errno?: string } = {},
  ) {
    super(message, { cause: options.cause });
    this.retryable = code !== 'NBD_PROTOCOL';
    this.remedy = remedies[code];
    if (options.errno !== undefined) this.errno = options.errno;
  }
}
