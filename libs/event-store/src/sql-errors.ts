import { types } from 'node:util';
import { FleetError } from '@holdfast/kernel';
import { EventIdReused, EventTooLarge, NotOwner, StoreBusy, StoreUnavailable, StreamKeyInvalid } from './errors';

interface SqlError extends Error {
  code?: string;
  constraint?: string;
}

/** What PostgreSQL's words mean to a caller. What is not listed is a mistake in somebody's SQL, and stays as it is. */
export function storeErrorOf(thrown: unknown): unknown {
  // Not `instanceof Error`: a socket's error is of Node's own realm, in which the code of a spec does not run.
  if (thrown instanceof FleetError || !types.isNativeError(thrown)) return thrown;
  const error: SqlError = thrown;
  const cause = { cause: error };
  if (isConnectionLost(error)) return new StoreUnavailable(`the store does not answer: ${error.message}`, cause);
  if (isBusy(error)) return new StoreBusy(`the store is too slow: ${error.message}`, cause);
  if (error.code === 'HF001') return new NotOwner(error.message, cause);
  if (error.code === '23505' && /^event_.*_id_key$/.test(error.constraint ?? ''))
    return new EventIdReused(error.message, cause);
  if (error.code === '23514' && /data_check$/.test(error.constraint ?? ''))
    return new EventTooLarge(error.message, cause);
  if (error.code === '23514' && /key_check$/.test(error.constraint ?? ''))
    return new StreamKeyInvalid(error.message, cause);
  return error;
}

/** Two transactions waited for each other, and PostgreSQL chose this one to begin again. */
export function isDeadlock(error: unknown): boolean {
  return error instanceof StoreBusy && ['40P01', '40001'].includes((error.cause as SqlError).code ?? '');
}

function isConnectionLost({ code = '', message }: SqlError): boolean {
  // 57P0x: the server shuts down, crashed, or is starting; 08xxx: the connection broke.
  if (/^(57P0[123]|08...)$/.test(code)) return true;
  if (/^E(CONNREFUSED|CONNRESET|PIPE|TIMEDOUT|HOSTUNREACH|NETUNREACH|NOTFOUND|AI_AGAIN)$/.test(code)) return true;
  return /^Connection terminated|^Client has encountered a connection error|^Client was closed/.test(message);
}

function isBusy({ code = '', message }: SqlError): boolean {
  // Cancelled by a timeout, refused for want of a resource, or the victim of a deadlock.
  if (/^(57014|55P03|25P03|25P04|53...|40P01|40001)$/.test(code)) return true;
  return /^timeout exceeded when trying to connect|^Query read timeout/.test(message);
}
