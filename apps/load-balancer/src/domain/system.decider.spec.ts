import { fold, InvariantBroken } from '@holdfast/kernel';
import { type SystemCommand, systemDecider, type SystemEvent } from './system.decider';

const at = '2026-01-01T00:00:00.000Z';
const systemId = 's1' as never;
const clusterId = 'c1' as never;
const nodeId = 'n1' as never;
const volumes = [{ volumeId: 'a' as never, sizeBytes: 64 }];
const address = '10.0.0.1';
const first = '00000000-0000-4000-8000-000000000001' as never;
const second = '00000000-0000-4000-8000-000000000002' as never;

const register = (parts: object = {}): SystemCommand => ({
  ...{ type: 'RegisterSystem', systemId, clusterId, volumes, requestId: first, at },
  ...{ offer: { nodes: 3, address } },
  ...parts,
});
const asked = (type: 'RetireSystem' | 'DeleteSystem'): SystemCommand => ({ type, systemId, requestId: second, at });

const registered: SystemEvent = {
  type: 'SystemRegistered',
  data: { systemId, clusterId, address, volumes, requestId: first, at },
};
const granted = (epoch: number): SystemEvent => ({
  type: 'SystemServeGranted',
  data: { systemId, clusterId, nodeId, epoch, cause: 'admitted', at },
});
const rejected = (reason: string, requestId = first) => ({
  type: 'SystemRejected',
  data: { systemId, clusterId, reason, requestId, at },
});
const retiring: SystemEvent = {
  type: 'SystemRetirementStarted',
  data: { systemId, clusterId, requestId: second, at },
};
const retired: SystemEvent = { type: 'SystemRetired', data: { systemId, clusterId, at } };
const deleting = (epoch: number): SystemEvent => ({
  type: 'SystemDeletionStarted',
  data: { systemId, clusterId, epoch, requestId: second, at },
});
const removal = (epoch: number, cause: 'deletion' | 'creationFailed' = 'deletion'): SystemEvent => ({
  type: 'SystemRemovalGranted',
  data: { systemId, clusterId, nodeId, epoch, cause, at },
});
const deleted: SystemEvent = { type: 'SystemDeleted', data: { systemId, clusterId, at } };

const decide = (history: SystemEvent[], command: SystemCommand) =>
  systemDecider.decide(command, fold(systemDecider, history));

describe('a request for a system', () => {
  it('registers it at the address that was free', () => {
    expect(decide([], register())).toEqual([registered]);
  });

  it.each([
    ['UNKNOWN_CLUSTER', { offer: null }],
    ['NO_NODE', { offer: { nodes: 0, address } }],
    ['ADDRESS_EXHAUSTED', { offer: { nodes: 1, address: undefined } }],
  ])('is refused with %s', (reason, parts) => {
    expect(decide([], register(parts))).toEqual([rejected(reason)]);
  });

  it('with an equal spec is answered by the system that is there, at its own address', () => {
    const again = register({ requestId: second, offer: { nodes: 3, address: '10.0.0.9' } });
    expect(decide([registered], again)).toEqual([{ ...registered, data: { ...registered.data, requestId: second } }]);
  });

  it.each([
    ['another size', { volumes: [{ volumeId: 'a', sizeBytes: 65 }] }],
    ['another volume', { volumes: [{ volumeId: 'b', sizeBytes: 64 }] }],
    ['another cluster', { clusterId: 'c2' }],
  ])('with %s is refused: the name is taken', (_what, parts) => {
    const [event] = decide([registered], register({ requestId: second, ...parts }));
    expect(event).toMatchObject({ type: 'SystemRejected', data: { reason: 'NAME_TAKEN', requestId: second } });
  });

  it.each([
    ['retiring', [retiring]],
    ['retired', [retiring, retired]],
    ['being deleted', [retiring, retired, deleting(2)]],
    ['being discarded', [rejected('NO_SPACE') as SystemEvent]],
  ])('for a name that is %s is refused, though the spec is equal', (_phase, more) => {
    expect(decide([registered, ...more], register({ requestId: second }))).toEqual([rejected('NAME_TAKEN', second)]);
  });

  it('that was refused leaves the system of that name as it is', () => {
    const state = fold(systemDecider, [registered, rejected('NAME_TAKEN', second) as SystemEvent]);
    expect(state.phase).toBe('registered');
  });
});

describe('an epoch', () => {
  const grant = (epoch: number): SystemCommand => ({
    ...{ type: 'GrantServe', systemId, nodeId, epoch, cause: 'admitted', at },
  });

  it('is granted once, and only as the next', () => {
    expect(decide([registered, granted(1)], grant(2))).toEqual([granted(2)]);
    expect(() => decide([registered, granted(1)], grant(1))).toThrow(InvariantBroken);
    expect(() => decide([registered, granted(1)], grant(3))).toThrow(InvariantBroken);
  });

  it('is granted to nobody once retirement has begun', () => {
    expect(() => decide([registered, granted(1), retiring], grant(2))).toThrow(InvariantBroken);
  });

  it('counts on over removal, deletion and a new system of the same name', () => {
    const history = [registered, granted(1), retiring, retired, deleting(2), removal(2), deleted, registered];
    expect(decide(history, grant(3))).toEqual([granted(3)]);
  });
});

describe('a creation that failed', () => {
  const fail: SystemCommand = { type: 'FailCreation', systemId, reason: 'NO_SPACE', at };

  it('is told to every request that was answered by the system', () => {
    const again: SystemEvent = { ...registered, data: { ...registered.data, requestId: second } };
    expect(decide([registered, again], fail)).toEqual([rejected('NO_SPACE'), rejected('NO_SPACE', second)]);
  });

  it('leaves the name free once the folder is gone', () => {
    const history = [registered, granted(1), rejected('NO_SPACE') as SystemEvent, removal(2, 'creationFailed')];
    expect(decide(history, { type: 'ConfirmRemoved', systemId, nodeId, epoch: 2, at })).toEqual([deleted]);
    expect(decide([...history, deleted], register())).toEqual([registered]);
  });

  it('fails once', () => {
    expect(decide([registered, rejected('NO_SPACE') as SystemEvent], fail)).toEqual([]);
  });
});

describe('retirement', () => {
  it('starts, and ends when its node stopped', () => {
    expect(decide([registered, granted(1)], asked('RetireSystem'))).toEqual([retiring]);
    expect(decide([registered, retiring], { type: 'ConfirmRetired', systemId, at })).toEqual([retired]);
    expect(decide([registered], { type: 'ConfirmRetired', systemId, at })).toEqual([]);
  });

  it('asked again answers again', () => {
    expect(decide([registered, retiring], asked('RetireSystem'))).toEqual([retiring]);
    expect(decide([registered, retiring, retired], asked('RetireSystem'))).toEqual([retiring, retired]);
  });

  it.each([
    ['never was', []],
    ['is being deleted', [registered, retiring, retired, deleting(1)]],
    ['was not created', [registered, rejected('NO_SPACE') as SystemEvent]],
  ])('of a system that %s is refused', (_what, history) => {
    const [event] = decide(history, asked('RetireSystem'));
    expect(event).toMatchObject({ type: 'SystemRetirementRejected', data: { reason: 'UNKNOWN', requestId: second } });
  });
});

describe('deletion', () => {
  it('of a retired system starts at the next epoch; asked again, it answers again', () => {
    const history = [registered, granted(1), retiring, retired];
    expect(decide(history, asked('DeleteSystem'))).toEqual([deleting(2)]);
    expect(decide([...history, deleting(2)], asked('DeleteSystem'))).toEqual([deleting(2)]);
    expect(decide([...history, deleting(2), removal(2)], asked('DeleteSystem'))).toEqual([deleting(2)]);
  });

  it.each([
    ['NOT_RETIRED', [registered]],
    ['NOT_RETIRED', [registered, retiring]],
    ['UNKNOWN', []],
    ['UNKNOWN', [registered, retiring, retired, deleting(1), removal(1), deleted]],
  ])('is refused with %s', (reason, history) => {
    const [event] = decide(history, asked('DeleteSystem'));
    expect(event).toMatchObject({ type: 'SystemDeletionRejected', data: { reason, requestId: second } });
  });

  it('ends with the answer of the node ordered last, of no other', () => {
    const history = [registered, granted(1), retiring, retired, deleting(2), removal(2), removal(3)];
    const answer = (epoch: number): SystemCommand => ({ type: 'ConfirmRemoved', systemId, nodeId, epoch, at });
    expect(decide(history, answer(2))).toEqual([]);
    expect(decide(history, answer(3))).toEqual([deleted]);
    expect(decide([...history, deleted], answer(3))).toEqual([]);
  });

  it('removes nothing of a system that is not to go', () => {
    const grant: SystemCommand = { type: 'GrantRemoval', systemId, nodeId, epoch: 2, at };
    expect(() => decide([registered, granted(1)], grant)).toThrow(InvariantBroken);
    expect(() => decide([registered, granted(1), retiring, retired], grant)).toThrow(InvariantBroken);
  });
});

describe('a request for a system from a backup', () => {
  const fromBackup = { systemId: 's0' as never, pointId: 'p1' as never };
  const ref = { ...fromBackup, epoch: 3, manifest: 'ab'.repeat(32) };
  const restore = (parts: object = {}) => register({ volumes: [], fromBackup, source: { ref, volumes }, ...parts });
  const restored = { ...registered, data: { ...registered.data, fromBackup: ref } } as SystemEvent;

  it('registers it with the volumes that the backup has, and names the attempt it is filled from', () => {
    expect(decide([], restore())).toEqual([restored]);
  });

  it.each(['UNKNOWN_BACKUP', 'BACKUP_ELSEWHERE', 'BACKUP_DAMAGED'])('is refused with %s', (source) => {
    expect(decide([], restore({ source }))).toEqual([rejected(source)]);
  });

  it('asked for again is answered by the system that is there, also when the backup is gone by now', () => {
    const again = { ...restored, data: { ...restored.data, requestId: second } };
    expect(decide([restored], restore({ requestId: second }))).toEqual([again]);
    expect(decide([restored], restore({ requestId: second, source: 'UNKNOWN_BACKUP' }))).toEqual([again]);
  });

  it.each([
    ['another backup', { fromBackup: { ...fromBackup, pointId: 'p2' } }],
    ['no backup', { fromBackup: undefined, source: undefined, volumes }],
  ])('is another one with %s: the name is taken', (_what, parts) => {
    expect(decide([restored], restore({ requestId: second, ...parts }))).toEqual([rejected('NAME_TAKEN', second)]);
  });

  it('where the system was not restored, is another one', () => {
    expect(decide([registered], restore({ requestId: second }))).toEqual([rejected('NAME_TAKEN', second)]);
  });
});
