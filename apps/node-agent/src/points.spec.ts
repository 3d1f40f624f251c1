import { ChainLocked, EngineError, MediumInvalid, Superseded } from './errors';
import type { Facts } from './facts';
import type { Journal } from './journal';
import { Points } from './points';
import type { Serving } from './serving';
import { ClaimRefused } from './take-up';

describe('a point that cannot be frozen is refused with', () => {
  const refusedFor = async (error: Error) => {
    const told: unknown[] = [];
    const layers = { freeze: () => Promise.reject(error) };
    const points = new Points({
      serving: { held: () => [{ order: { systemId: 's1', epoch: 3 }, layers }] } as unknown as Serving,
      journal: { state: { epochs: new Map([['serve-s1', 3]]) } } as unknown as Journal,
      facts: { tell: (fact: unknown) => Promise.resolve(void told.push(fact)) } as unknown as Facts,
    });
    await points.order({ taskId: 't1', systemId: 's1', pointId: 'p1', epoch: 3 });
    return told;
  };
  const claim = (nodeId: string | null) => ({ epoch: 4, nodeId, by: 'somebody' });

  it.each([
    ['NO_SPACE', new EngineError('NO_SPACE', 'qemu-img create: no space')],
    ['NO_SPACE', Object.assign(new Error('write'), { code: 'ENOSPC' })],
    ['ENGINE_DOWN', new EngineError('ENGINE_SILENT', 'transaction unanswered: carried out or not, unknown')],
    ['CHAIN_LOCKED', new ChainLocked('held by another')],
    ['STALE_EPOCH', new ClaimRefused('STALE_EPOCH', claim('n2'))],
    ['STALE_EPOCH', new ClaimRefused('SYSTEM_RELEASED', claim(null))],
    ['NOT_SERVED', new Superseded('it is not served here any more')],
    ['MEDIUM_INVALID', new MediumInvalid('v1.1.e1.qcow2 is missing')],
  ])('%s', async (code, error) => {
    const data = { taskId: 't1', systemId: 's1', epoch: 3, pointId: 'p1', code, message: String(error) };
    expect(await refusedFor(error)).toEqual([{ type: 'PointRefused', data }]);
  });
});
