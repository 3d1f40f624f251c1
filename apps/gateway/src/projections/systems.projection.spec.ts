import {
  SystemDeleted,
  SystemRejected,
  SystemRetired,
  SystemRetirementStarted,
  SystemServeGranted,
  TaskDeferred,
  TaskHeld,
  TaskRecalled,
  type EventContract,
} from '@holdfast/contracts';
import { admitted, assigned, confirmed, moved, systemRegistered, taken } from '../testing/fleet';
import { AT, OTHER_REQUEST, REQUEST, rowsOf, story, told } from '../testing/told';
import { systemsProjection } from './systems.projection';

const systemAfter = (...events: Parameters<typeof story>) => rowsOf(systemsProjection, story(...events)).get('s1');
const ofServe = { clusterId: 'alpha', taskId: 'serve-s1', kind: 'serve' as const, subject: 'system/s1', at: AT };
const ofSystem = { systemId: 's1', clusterId: 'alpha', at: AT };
const served = [systemRegistered, admitted, assigned('n1', 1, true), confirmed('n1', 1)];

describe('the systems projection', () => {
  it('goes from pending over creating to served', () => {
    expect(systemAfter(systemRegistered)).toMatchObject({
      address: '127.9.1.1',
      exports: [{ volumeId: 'v1', uri: 'nbd://127.9.1.1:10809/v1' }],
      serving: { state: 'pending' },
    });
    expect(systemAfter(systemRegistered, assigned('n1', 1, true))).toMatchObject({
      nodeId: 'n1',
      epoch: 1,
      serving: { state: 'creating', since: AT },
    });
    expect(systemAfter(...served)).toMatchObject({
      serving: { state: 'served', since: '2026-03-01T10:42:06.900000Z' },
    });
  });

  it('is starting on another node at the next epoch', () => {
    expect(systemAfter(...served, moved('n1', 'n2', 2))).toMatchObject({
      nodeId: 'n2',
      epoch: 2,
      serving: { state: 'starting', since: AT },
    });
  });

  it('is starting on another node although the grant was heard before the order', () => {
    const granted = told(SystemServeGranted, { ...ofSystem, nodeId: 'n2', epoch: 2, cause: 'nodeDown' });
    expect(systemAfter(...served, granted, moved('n1', 'n2', 2))?.serving.state).toBe('starting');
  });

  it('stays served, and since the same time, when it is offered again at its epoch', () => {
    expect(systemAfter(...served, assigned('n1', 1))?.serving).toEqual(systemAfter(...served)?.serving);
  });

  it('lets no order or answer of a lower epoch count', () => {
    const current = systemAfter(...served, moved('n1', 'n2', 2));
    expect(systemAfter(...served, moved('n1', 'n2', 2), confirmed('n1', 1), taken('n1', 1), assigned('n1', 1))).toEqual(
      current,
    );
  });

  it('says what it waits for, and why no node can take it', () => {
    const held = told(TaskHeld, { ...ofServe, nodeId: 'n1', epoch: 1, waitsFor: 'mediumLock' });
    expect(systemAfter(systemRegistered, assigned('n1', 1), held)?.serving).toEqual({
      state: 'waiting',
      since: AT,
      reason: 'waits for mediumLock',
    });
    const deferred = told(TaskDeferred, { ...ofServe, blockedBy: { down: 2, cordoned: 1 } });
    expect(systemAfter(systemRegistered, deferred)?.serving).toMatchObject({
      state: 'pending',
      reason: 'no node now: down 2, cordoned 1',
    });
  });

  it('stays served by its owner while no other node can take it', () => {
    const deferred = told(TaskDeferred, { ...ofServe, blockedBy: { impaired: 3 } });
    expect(systemAfter(...served, deferred)).toMatchObject({
      nodeId: 'n1',
      serving: { state: 'served', since: '2026-03-01T10:42:06.900000Z', reason: 'no node now: impaired 3' },
    });
    const recalled = told(TaskRecalled, { ...ofServe, nodeId: 'n1', epoch: 1, cause: 'operator' });
    expect(systemAfter(...served, recalled)?.serving.state).toBe('served');
    expect(systemAfter(...served, recalled, deferred)?.serving.state).toBe('pending');
  });

  it('is gone when its creation fails, and stays when its name is asked for once more', () => {
    const rejected = (requestId: string, reason: 'NO_SPACE' | 'NAME_TAKEN') =>
      told(SystemRejected, { ...ofSystem, reason, requestId });
    expect(systemAfter(systemRegistered, rejected(REQUEST, 'NO_SPACE'))).toMatchObject({ lifecycle: 'gone' });
    expect(systemAfter(systemRegistered, rejected(OTHER_REQUEST, 'NAME_TAKEN'))).toMatchObject({
      lifecycle: 'registered',
    });
  });

  it('is retired, then gone, and pending when the name is used again', () => {
    const started = told(SystemRetirementStarted, { ...ofSystem, requestId: REQUEST });
    const ended = (contract: EventContract) => told(contract, ofSystem);
    const retired = [...served, started, ended(SystemRetired)];
    expect(systemAfter(...retired)).toMatchObject({ lifecycle: 'retired', serving: { state: 'retired' } });
    expect(systemAfter(...retired, ended(SystemDeleted))).toMatchObject({ lifecycle: 'gone' });
    expect(systemAfter(...retired, ended(SystemDeleted), systemRegistered)).toMatchObject({
      lifecycle: 'registered',
      epoch: 1,
      serving: { state: 'pending' },
    });
  });

  it('gives the same row whether the system or its order is heard first', () => {
    expect(systemAfter(assigned('n1', 1, true), systemRegistered)).toEqual(
      systemAfter(systemRegistered, assigned('n1', 1, true)),
    );
  });
});
