import { serveTaskOf, type SystemId, type TaskId } from '@holdfast/contracts';
import { BackgroundTable, T1 } from './background-fixture';
import { node } from './table-fixture';

const freezing = (...others: string[]) => {
  const fixture = BackgroundTable.serving(...others);
  fixture.submit();
  return fixture;
};
const serve1 = serveTaskOf('s1' as SystemId);

it('a frozen point is confirmed, and its reader placed', () => {
  expect(freezing().freeze()).toEqual(['PointConfirmed t-1', 'TaskAssigned t-1 n1@1 admitted']);
});

it('told again, the point changes nothing', () => {
  const fixture = freezing();
  const fact = { taskId: T1, nodeId: node('n1'), epoch: 1, k: 1, frozenAt: fixture.at };
  fixture.freeze();
  expect(fixture.do({ type: 'NotePointFrozen', ...fact })).toEqual([]);
});

it('of another node, or another serving epoch than the order, it is late', () => {
  const fixture = freezing('n2');
  const fact = {
    type: 'NotePointFrozen',
    taskId: T1,
    nodeId: node('n1'),
    epoch: 1,
    k: 1,
    frozenAt: fixture.at,
  } as const;
  expect(fixture.do({ ...fact, nodeId: node('n2') })).toEqual([]);
  expect(fixture.do({ ...fact, epoch: 2 })).toEqual([]);
});

it('is confirmed under a brake, for it is a fact, and read when that is off', () => {
  const fixture = freezing().hold();
  expect(fixture.freeze()).toEqual(['PointConfirmed t-1']);
  expect(fixture.resume()).toEqual(['PlacementResumed halted', 'TaskAssigned t-1 n1@1 admitted']);
});

it('refused, it is ordered again after a pause; gone, never', () => {
  const refuse = (code: string) => {
    const fixture = freezing();
    return fixture.do({ type: 'NotePointRefused', taskId: T1, nodeId: node('n1'), epoch: 1, code });
  };
  expect(refuse('CHAIN_LOCKED')).toEqual(['TaskRetryScheduled t-1 #1 CHAIN_LOCKED']);
  expect(refuse('POINT_GONE')).toEqual(['TaskParked t-1 POINT_GONE']);
});

it('unanswered for 10 s, not a millisecond less, it is tried again 5 s later', () => {
  expect(freezing().wait(9_999).check()).toEqual([]);
  const fixture = freezing().wait(10_000);
  expect(fixture.check()).toEqual(['TaskRetryScheduled t-1 #1 POINT_UNANSWERED']);
  fixture.wait(4_999);
  expect(fixture.check()).toEqual([]);
  fixture.wait(1);
  expect(fixture.check()).toEqual(['PointOrdered t-1 n1@1']);
});

it('is ordered again at each new serving epoch, also of the same node, whether it was being frozen or retried', () => {
  const fixture = freezing('n2');
  fixture.close('n1');
  expect(fixture.take('s1')).toEqual(['TaskStartConfirmed serve-s1 n2@2', 'PointOrdered t-1 n2@2']);
  fixture.wait(10_000);
  fixture.check();
  fixture.do({ type: 'ReofferTasks', nodeId: node('n2') });
  expect(fixture.take('s1')).toEqual(['TaskStartConfirmed serve-s1 n2@2', 'PointOrdered t-1 n2@2']);
  expect(fixture.freeze()).toContain('PointConfirmed t-1');
});

it('waits while nobody serves the system, and comes with its service', () => {
  const fixture = new BackgroundTable();
  fixture.open('n1');
  fixture.admit('s1');
  expect(fixture.submit()).toEqual(['TaskAdmitted t-1', 'TaskDeferred t-1 {"notServed":1}']);
  expect(fixture.take('s1')).toEqual(['TaskStartConfirmed serve-s1 n1@1', 'PointOrdered t-1 n1@1']);
});

it('keeps nobody else from a node while its system is not served', () => {
  const fixture = BackgroundTable.serving();
  const waits = Array.from({ length: 60 }, (_, nth) => `x${nth}`);
  for (const systemId of waits) fixture.admit(systemId);
  fixture.hold();
  for (const systemId of [...waits, 's1'])
    fixture.submit({ taskId: `t-${systemId}` as TaskId, systemId: systemId as SystemId, bytesPerSec: 1 });
  expect(fixture.resume()).toContain('PointOrdered t-s1 n1@1');
});

it('once frozen, outlives its server: who reads it needs the medium alone', () => {
  const fixture = BackgroundTable.serving('n2').running('n2');
  expect(fixture.close('n1')).toEqual(['NodeClosed n1 down', 'TaskMoved serve-s1 n1→n2@2 nodeDown']);
  expect(fixture.take('s1')).toEqual(['TaskStartConfirmed serve-s1 n2@2']);
});

it('keeps its pin wherever serving begins: the order names the snapshots that are open', () => {
  const fixture = BackgroundTable.serving('n2').running('n2');
  fixture.close('n1');
  const moved = fixture.history.findLast(({ data }) => 'taskId' in data && data.taskId === serve1);
  expect(moved?.data).toMatchObject({ spec: { pinnedBy: [T1] } });
});

it('a point of a task that parks five failures later is pinned no longer than the task is open', () => {
  const fixture = freezing();
  for (let attempt = 1; attempt <= 5; attempt++) {
    fixture.wait(10_000);
    expect(fixture.check()).toEqual([`TaskRetryScheduled t-1 #${attempt} POINT_UNANSWERED`]);
    fixture.wait(5_000 * 2 ** (attempt - 1));
    expect(fixture.check()).toEqual(['PointOrdered t-1 n1@1']);
  }
  fixture.wait(10_000);
  expect(fixture.check()).toEqual(['TaskParked t-1 POINT_UNANSWERED']);
});
