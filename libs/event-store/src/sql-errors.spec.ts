import { runInNewContext } from 'node:vm';
import { StreamConflict } from './errors';
import { isDeadlock, storeErrorOf } from './sql-errors';

const sqlError = (code: string | undefined, message = 'words that may change', constraint?: string) =>
  Object.assign(new Error(message), { code, constraint });

describe('storeErrorOf', () => {
  it.each([
    ['the server shuts down', sqlError('57P01'), 'STORE_UNAVAILABLE', true],
    ['the server crashed', sqlError('57P02'), 'STORE_UNAVAILABLE', true],
    ['the server is starting', sqlError('57P03'), 'STORE_UNAVAILABLE', true],
    ['the connection broke', sqlError('08006'), 'STORE_UNAVAILABLE', true],
    ['nobody listens', sqlError('ECONNREFUSED'), 'STORE_UNAVAILABLE', true],
    ['a connection ended', sqlError(undefined, 'Connection terminated unexpectedly'), 'STORE_UNAVAILABLE', true],
    ['a statement took too long', sqlError('57014'), 'STORE_BUSY', true],
    ['a lock was not to be had', sqlError('55P03'), 'STORE_BUSY', true],
    ['there are too many connections', sqlError('53300'), 'STORE_BUSY', true],
    ['the disk is full', sqlError('53100'), 'STORE_BUSY', true],
    ['all connections are in use', sqlError(undefined, 'timeout exceeded when trying to connect'), 'STORE_BUSY', true],
    ['a deadlock', sqlError('40P01'), 'STORE_BUSY', true],
    ['a foreign stream', sqlError('HF001'), 'NOT_OWNER', false],
    ['a used id', sqlError('23505', '', 'event_health_id_key'), 'EVENT_ID_REUSED', false],
    ['a large event', sqlError('23514', '', 'event_data_check'), 'EVENT_TOO_LARGE', false],
    ['a long key', sqlError('23514', '', 'stream_key_check'), 'STREAM_KEY_INVALID', false],
  ])('names it when %s', (_, thrown, code, retryable) => {
    expect(storeErrorOf(thrown)).toMatchObject({ code, retryable, cause: thrown, remedy: expect.any(String) });
  });

  it('knows an error of another realm, as a socket’s is to a spec', () => {
    const foreign: unknown = Object.assign(runInNewContext('new Error("read ECONNRESET")') as Error, {
      code: 'ECONNRESET',
    });
    expect(storeErrorOf(foreign)).toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('leaves mistakes in SQL, other constraints, and errors of our own as they are', () => {
    const mistakes = [
      sqlError('42601'),
      sqlError('23505', '', 'feed_stream_version_key'),
      new StreamConflict({ stream: 's', expected: 1, actual: 2 }),
      'not an error',
    ];
    for (const thrown of mistakes) expect(storeErrorOf(thrown)).toBe(thrown);
  });

  it('tells a deadlock from other delays', () => {
    expect(isDeadlock(storeErrorOf(sqlError('40P01')))).toBe(true);
    expect(isDeadlock(storeErrorOf(sqlError('57014')))).toBe(false);
  });
});
