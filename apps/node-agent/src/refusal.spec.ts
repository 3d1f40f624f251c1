import { EngineError, JournalFailed, MediumInvalid } from './errors';
import { BackupDamaged } from './pieces';
import { refusalOf } from './refusal';
import { ClaimRefused } from './take-up';

const claim = { epoch: 7, nodeId: 'n2', by: 'serve-s1' };

it.each([
  ['STALE_EPOCH', new ClaimRefused('STALE_EPOCH', claim)],
  ['SYSTEM_RELEASED', new ClaimRefused('SYSTEM_RELEASED', claim)],
  ['MEDIUM_INVALID', new MediumInvalid('torn')],
  ['JOURNAL_FAILED', new JournalFailed('full')],
  ['BACKUP_DAMAGED', new BackupDamaged('v1.0.piece is missing')],
  ['NO_SPACE', new EngineError('NO_SPACE', 'full')],
  ['NO_SPACE', Object.assign(new Error('full'), { code: 'ENOSPC' })],
  ['NO_SPACE', Object.assign(new Error('quota'), { code: 'EDQUOT' })],
  ['ENGINE_DOWN', new EngineError('ENGINE_SILENT', 'hung')],
  ['ENGINE_DOWN', new EngineError('ENGINE_GONE', 'died')],
  ['MEDIUM_INVALID', Object.assign(new Error('io'), { code: 'EIO' })],
])('declines by %s', (code, error) => expect(refusalOf(error)).toMatchObject({ code }));

it('names the claim that stands', () =>
  expect(refusalOf(new ClaimRefused('STALE_EPOCH', claim)).claim).toEqual({ epoch: 7, nodeId: 'n2' }));
