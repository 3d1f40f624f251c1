import { BackgroundTable } from './background-fixture';
import { node } from './table-fixture';

const runningAt = (nodeId: string) => BackgroundTable.serving('n2').running(nodeId);

describe('a fault', () => {
  it('of the node sends it elsewhere after a pause; of a busy one, there again', () => {
    const ofNode = runningAt('n2');
    const { epoch } = ofNode.by();
    expect(ofNode.fault('node')).toEqual(['TaskRetryScheduled t-1 #1 READ_FAILED']);
    ofNode.wait(5_000);
    expect(ofNode.check()).toEqual([`TaskAssigned t-1 n1@${epoch + 1} retry`]);
    const busy = runningAt('n2');
    busy.fault('busy');
    busy.wait(5_000);
    expect(busy.check()).toEqual([`TaskAssigned t-1 n2@${epoch + 1} retry`]);
  });

  it('of the subject parks it at once: it would fail everywhere', () => {
    const fixture = runningAt('n2');
    expect(fixture.fault('subject', 'MANIFEST_DIFFERS')).toEqual(['TaskParked t-1 MANIFEST_DIFFERS']);
    fixture.wait(3_600_000);
    expect(fixture.settle()).toEqual([]);
    expect(fixture.check()).toEqual([]);
  });

  const failAndWait = (fixture: BackgroundTable, attempt: number) => {
    expect(fixture.fault('busy')).toEqual([`TaskRetryScheduled t-1 #${attempt} READ_FAILED`]);
    const pauseMs = 5_000 * 2 ** (attempt - 1);
    fixture.wait(pauseMs - 1);
    expect(fixture.check()).toEqual([]);
    fixture.wait(1);
    expect(fixture.check()).toHaveLength(1);
    fixture.do({ type: 'NoteTaken', ...fixture.by(), tookMs: 1 });
  };

  it('is tried again five times, each pause twice the last, and then parked', () => {
    const fixture = runningAt('n2');
    for (let attempt = 1; attempt <= 5; attempt++) failAndWait(fixture, attempt);
    expect(fixture.fault('busy')).toEqual(['TaskParked t-1 READ_FAILED']);
  });

  it('is that its agent ends under it, too: work that ends its agent each time is parked, not offered for ever', () => {
    const fixture = runningAt('n2');
    const agentStarts = () => fixture.do({ type: 'ReofferTasks', nodeId: node('n2') });
    for (let attempt = 1; attempt <= 5; attempt++) {
      expect(agentStarts()).toEqual([`TaskAssigned t-1 n2@${fixture.work().epoch} nodeStarted`]);
      // An agent that starts again before it took the task has not ended under it.
      expect(agentStarts()).toEqual([`TaskAssigned t-1 n2@${fixture.work().epoch} nodeStarted`]);
      fixture.do({ type: 'NoteTaken', ...fixture.by(), tookMs: 1 });
    }
    expect(agentStarts()).toEqual(['TaskParked t-1 AGENT_ENDED']);
  });

  it('counts anew once the task came forward', () => {
    const fixture = runningAt('n2');
    failAndWait(fixture, 1);
    fixture.checkpoint(100);
    failAndWait(fixture, 1);
    fixture.checkpoint(100); // No further than before.
    failAndWait(fixture, 2);
  });

  it('does not come forward by reading again what was sealed before', () => {
    const fixture = runningAt('n2');
    const { epoch } = fixture.by();
    fixture.checkpoint(300);
    for (let attempt = 1; attempt <= 5; attempt++) {
      failAndWait(fixture, attempt);
      for (const doneBytes of [100, 200, 300]) fixture.checkpoint(doneBytes);
    }
    expect(fixture.work().checkpoint).toMatchObject({ epoch, doneBytes: 300 });
    expect(fixture.fault('busy')).toEqual(['TaskParked t-1 READ_FAILED']);
  });

  it('under a brake waits until that is off', () => {
    const fixture = runningAt('n2').hold();
    fixture.fault('busy');
    fixture.wait(5_000);
    expect(fixture.check()).toEqual([]);
    expect(fixture.resume()).toEqual(['PlacementResumed halted', expect.stringMatching('TaskAssigned t-1 n2')]);
  });

  it('to stop without having been told is one of a busy node', () => {
    const fixture = runningAt('n2');
    const stopped = { type: 'NoteStopped', ...fixture.by(), token: null, doneBytes: 0 } as const;
    expect(fixture.do(stopped)).toEqual(['TaskRetryScheduled t-1 #1 STOPPED']);
  });
});
