import { NbdError } from '@holdfast/nbd';
import { EngineError, JournalFailed, MediumInvalid } from './errors';
import { faultOf } from './task-fault';

describe('a fault', () => {
  const ofSystem = (code: string) => Object.assign(new Error(code), { code });
  it.each([
    [new EngineError('ENGINE_GONE', 'it ended at once'), 'node', 'ENGINE_DOWN'],
    [new NbdError('NBD_TIMEOUT', 'read unanswered'), 'node', 'ENGINE_DOWN'],
    [new MediumInvalid('chain.json is unreadable'), 'node', 'MEDIUM_INVALID'],
    [ofSystem('ESTALE'), 'node', 'MEDIUM_INVALID'],
    [new JournalFailed('no room'), 'node', 'JOURNAL_FAILED'],
    [new EngineError('ENGINE_GONE', 'v1: Image is not in qcow2 format'), 'subject', 'SOURCE_DAMAGED'],
    [
      new EngineError('ENGINE_REFUSED', 'read failed: EIO: qcow2: Image is corrupt: L2 table'),
      'subject',
      'SOURCE_DAMAGED',
    ],
    [new EngineError('ENGINE_REFUSED', 'read failed: EIO: it said nothing'), 'node', 'ENGINE_DOWN'],
    [ofSystem('ENOSPC'), 'busy', 'NO_SPACE'],
    [ofSystem('EDQUOT'), 'busy', 'NO_SPACE'],
  ])('by %s is a matter of the %s', (error, errorClass, code) => {
    expect(faultOf(error)).toMatchObject({ errorClass, code });
  });
});
