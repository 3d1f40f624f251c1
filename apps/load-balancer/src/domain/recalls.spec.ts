import { BackgroundTable, REQUEST, T1 } from './background-fixture';
import { ATTEMPTS } from './retries';
import { node } from './table-fixture';

const stopping = (...others: string[]) => {
  const fixture = BackgroundTable.serving('n2', ...others).running('n1');
  fixture.do({ type: 'MoveTask', taskId: T1, requestId: REQUEST, toNodeId: node('n2') });
  return fixture;
};
const stop = (fixture: BackgroundTable, doneBytes = 0) =>
  fixture.do({ type: 'NoteStopped', ...fixture.by(), token: 'x', doneBytes });
const next = (fixture: BackgroundTable) => fixture.by().epoch + 1;

it('stopped, it goes on where it was sent, from where it stopped', () => {
  const fixture = stopping('n3');
  const moved = `TaskMoved t-1 n1→n2@${next(fixture)} operator`;
  const { epoch: fromEpoch } = fixture.by();
  expect(stop(fixture, 512)).toEqual([moved]);
  expect(fixture.history.at(-1)?.data).toMatchObject({ resume: { fromEpoch, token: 'x', doneBytes: 512 } });
});

it('stopped, it goes elsewhere when the node it was sent to is not open any more, and stays where none is', () => {
  const three = stopping('n3');
  three.close('n2');
  expect(stop(three)).toEqual([`TaskMoved t-1 n1→n3@${next(three) - 1} operator`]);
  const two = stopping();
  two.close('n2');
  const kept = `TaskAssigned t-1 n1@${next(two)} kept`;
  expect(stop(two)).toEqual([kept]);
});

it('finished before it heard: that is the end', () => {
  const fixture = stopping();
  expect(fixture.finish()[0]).toMatch('TaskCompleted t-1 n1');
});

it('taken or faulted just then: taken changes nothing, a fault is a stop', () => {
  const fixture = stopping();
  expect(fixture.do({ type: 'NoteTaken', ...fixture.by(), tookMs: 1 })).toEqual([]);
  expect(fixture.fault('node')).toEqual([`TaskMoved t-1 n1→n2@${fixture.by().epoch} operator`]);
});

it('declined for a higher epoch than was ever ordered holds the cluster, for it goes on where nobody can know', () => {
  const fixture = stopping();
  const declined = { type: 'NoteDeclined', ...fixture.by(), code: 'STALE_EPOCH' } as const;
  expect(fixture.do({ ...declined, highestEpoch: declined.epoch + 1 })).toEqual(['PlacementHeld storeRegressed']);
  const within = stopping();
  const moved = `TaskMoved t-1 n1→n2@${next(within)} operator`;
  expect(within.do({ ...declined, highestEpoch: declined.epoch })).toEqual([moved]);
});

it('unanswered for 30 s, not a millisecond less, it moves all the same: its attempt fences it', () => {
  const fixture = stopping();
  fixture.wait(29_999);
  expect(fixture.check()).toEqual([]);
  fixture.wait(1);
  expect(fixture.check()).toEqual([`TaskMoved t-1 n1→n2@${fixture.by().epoch} operator`]);
});

it('its node dies: it moves for that', () => {
  const fixture = stopping();
  const moved = `TaskMoved t-1 n1→n2@${next(fixture)} nodeDown`;
  expect(fixture.close('n1')).toContain(moved);
});

it('its agent starts anew: its worker has ended, so it moves', () => {
  const fixture = stopping();
  const moved = `TaskMoved t-1 n1→n2@${next(fixture)} operator`;
  expect(fixture.do({ type: 'ReofferTasks', nodeId: node('n1') })).toContain(moved);
});

it('stopped under a brake, it waits for its end, and goes on from where it stopped', () => {
  const fixture = stopping().hold();
  const { epoch: fromEpoch } = fixture.by();
  expect(stop(fixture, 512)).toEqual(['TaskRetryScheduled t-1 #0 STOPPED']);
  expect(fixture.resume()).toEqual(['PlacementResumed halted', expect.stringMatching('TaskAssigned t-1 n1')]);
  expect(fixture.history.at(-1)?.data).toMatchObject({ resume: { fromEpoch, token: 'x', doneBytes: 512 } });
});

it('stopped under brakes as often as it may fail, it has not failed yet', () => {
  const fixture = BackgroundTable.serving('n2').running('n1');
  for (let n = 1; n <= ATTEMPTS; n++) {
    fixture.do({ type: 'MoveTask', taskId: T1, requestId: REQUEST, toNodeId: node('n2') });
    stop(fixture.hold());
    fixture.resume();
    fixture.do({ type: 'NoteTaken', ...fixture.by(), tookMs: 1 });
    fixture.wait(60_000);
  }
  expect(fixture.fault('busy')).toEqual(['TaskRetryScheduled t-1 #1 READ_FAILED']);
});

it('unanswered under a brake, it stays', () => {
  const fixture = stopping().hold();
  fixture.wait(60_000);
  expect(fixture.check()).toEqual([]);
});
