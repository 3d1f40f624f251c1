import type { TaskId } from '@holdfast/contracts';
import { BackgroundTable, P1, REQUEST, T1 } from './background-fixture';
import { node, servedByN1, taskOf } from './table-fixture';

const running = () => BackgroundTable.serving('n2').running('n1');
const wish = { taskId: T1, requestId: REQUEST };
const move = (toNodeId: string | null, taskId = T1) =>
  ({ type: 'MoveTask', ...wish, taskId, toNodeId: toNodeId === null ? null : node(toNodeId) }) as const;
const cancel = { type: 'CancelTask', ...wish } as const;
const retry = { type: 'RetryTask', ...wish } as const;
const refused = (reason: string, taskId: string = T1) => [`TaskActionRejected ${taskId} ${reason}`];

describe('a move', () => {
  it('recalls the task, to a node that is named or to the one that is placed best', () => {
    const fixture = running();
    const { epoch } = fixture.by();
    expect(fixture.do(move('n2'))).toEqual([`TaskRecalled t-1 n1@${epoch} operator →n2`]);
    expect(running().do(move(null))).toEqual([`TaskRecalled t-1 n1@${epoch} operator`]);
  });

  it('of a system is one too: it reconnects once', () => {
    const fixture = BackgroundTable.serving('n2');
    expect(fixture.do(move('n2', taskOf('s1')))).toEqual(['TaskRecalled serve-s1 n1@1 operator →n2']);
    const stopped = { type: 'NoteStopped', ...fixture.owner('s1'), token: null, doneBytes: 0 } as const;
    expect(fixture.do(stopped)).toEqual(['TaskMoved serve-s1 n1→n2@2 operator']);
  });

  it('of a system off an impaired node that serves on asks that node first, and not for longer than 30 s', () => {
    const fixture = servedByN1('n2');
    fixture.do({ type: 'CordonNode', nodeId: node('n1'), cause: 'impaired' });
    expect(fixture.do(move(null, taskOf('s1')))).toEqual(['TaskRecalled serve-s1 n1@1 operator']);
    expect(fixture.wait(29_999).do({ type: 'CheckTask', taskId: taskOf('s1') })).toEqual([]);
    expect(fixture.wait(1).do({ type: 'CheckTask', taskId: taskOf('s1') })).toEqual([
      'TaskMoved serve-s1 n1→n2@2 operator',
    ]);
  });

  it('of a system off a suspect node waits for that node’s answer, for nobody else’s is to be had', () => {
    const fixture = servedByN1('n2');
    fixture.do({ type: 'CordonNode', nodeId: node('n1'), cause: 'suspect' });
    fixture.do(move(null, taskOf('s1')));
    expect(fixture.wait(30_000).do({ type: 'CheckTask', taskId: taskOf('s1') })).toEqual([]);
  });

  it('of a system that its node was ordered to serve and cannot take is an order elsewhere', () => {
    const ordered = (...others: string[]) => {
      const fixture = servedByN1(...others);
      fixture.do({ type: 'CordonNode', nodeId: node('n1'), cause: 'impaired' });
      fixture.do({ type: 'ReofferTasks', nodeId: node('n1') });
      return fixture;
    };
    expect(ordered('n2').do(move(null, taskOf('s1')))).toEqual(['TaskMoved serve-s1 n1→n2@2 operator']);
    expect(ordered('n2', 'n3').do(move('n3', taskOf('s1')))).toEqual(['TaskMoved serve-s1 n1→n3@2 operator']);
    expect(ordered().do(move(null, taskOf('s1')))).toEqual(refused('NO_NODE', 'serve-s1'));
  });

  it('off a node that is gone says what keeps it there', () => {
    const fixture = servedByN1();
    fixture.close('n1');
    expect(fixture.do(move(null, taskOf('s1')))).toEqual(refused('NO_NODE', 'serve-s1'));
    fixture.do({ type: 'HoldPlacement', brake: 'halted' });
    expect(fixture.do(move(null, taskOf('s1')))).toEqual(refused('PLACEMENT_HELD', 'serve-s1'));
  });

  it('is refused where it is, where there is no room, or where nobody is', () => {
    expect(running().do(move('n1'))).toEqual(refused('NO_NODE'));
    expect(running().do(move('n9'))).toEqual(refused('NO_NODE'));
    const full = running();
    full.open('n3', 5);
    expect(full.do(move('n3'))).toEqual(refused('NO_NODE'));
    expect(BackgroundTable.serving().running('n1').do(move(null))).toEqual(refused('NO_NODE'));
  });

  it('is refused while nobody has the task, under a brake, and of what is not there', () => {
    const freezing = BackgroundTable.serving('n2');
    freezing.submit();
    expect(freezing.do(move('n2'))).toEqual(refused('NOT_PLACED'));
    expect(running().hold().do(move('n2'))).toEqual(refused('PLACEMENT_HELD'));
    expect(running().do(move('n2', 't-9' as TaskId))).toEqual(refused('UNKNOWN_TASK', 't-9'));
    const done = running();
    done.finish();
    expect(done.do(move('n2'))).toEqual(refused('ENDED'));
  });
});

describe('a cancellation', () => {
  it('recalls what runs, and ends when that stopped, or did not for 30 s', () => {
    const fixture = running();
    const { epoch } = fixture.by();
    expect(fixture.do(cancel)).toEqual([`TaskRecalled t-1 n1@${epoch} cancel`]);
    expect(fixture.do({ type: 'NoteStopped', ...fixture.by(), token: null, doneBytes: 0 })).toEqual([
      'TaskCancelled t-1 operator',
    ]);
    const silent = running();
    silent.do(cancel);
    silent.wait(30_000);
    expect(silent.check()).toEqual(['TaskCancelled t-1 operator']);
  });

  it('ends at once what nobody works on, and what was on a node that is gone', () => {
    const freezing = BackgroundTable.serving();
    freezing.submit();
    expect(freezing.do(cancel)).toEqual(['TaskCancelled t-1 operator']);
    const gone = running();
    gone.do(cancel);
    expect(gone.close('n1')).toContain('TaskCancelled t-1 operator');
    const alone = BackgroundTable.serving().running('n1');
    alone.close('n1');
    expect(alone.do(cancel)).toEqual(['TaskCancelled t-1 operator']);
  });

  it('of a snapshot names its point, so that what was sealed of it can be taken away', () => {
    const freezing = BackgroundTable.serving();
    freezing.submit();
    freezing.do(cancel);
    expect(freezing.history.at(-1)).toMatchObject({ type: 'TaskCancelled', data: P1 });
  });

  it('is an end: no brake holds it', () => {
    expect(running().hold().do(cancel)).toHaveLength(1);
  });

  it('is of background work alone: a system is retired', () => {
    const fixture = BackgroundTable.serving();
    expect(fixture.do({ ...cancel, taskId: taskOf('s1') })).toEqual(refused('IS_SERVE', 'serve-s1'));
    expect(fixture.do({ ...retry, taskId: taskOf('s1') })).toEqual(refused('IS_SERVE', 'serve-s1'));
  });

  it('makes room for what waits', () => {
    const fixture = BackgroundTable.serving();
    fixture.submit({ bytesPerSec: 90 });
    fixture.freeze();
    fixture.serve('s2');
    fixture.submit({ taskId: 't-2' as TaskId, ...P1, systemId: 's2' as never, bytesPerSec: 50 });
    fixture.do(cancel);
    expect(fixture.do({ type: 'NoteStopped', ...fixture.by(), token: null, doneBytes: 0 })).toEqual([
      'TaskCancelled t-1 operator',
      'PointOrdered t-2 n1@1',
    ]);
  });
});

describe('a cancellation of what was on its way', () => {
  it('makes room where it was to go', () => {
    const fixture = BackgroundTable.serving();
    fixture.submit({ bytesPerSec: 90 });
    fixture.freeze();
    fixture.open('n2');
    fixture.do({ type: 'NoteTaken', ...fixture.by(), tookMs: 1 });
    fixture.do(move('n2'));
    fixture.serve('s2');
    expect(fixture.submit({ taskId: 't-2' as TaskId, ...P1, systemId: 's2' as never, bytesPerSec: 50 })).toContainEqual(
      expect.stringMatching('TaskDeferred t-2'),
    );
    expect(fixture.do(cancel)).toEqual([
      expect.stringMatching('TaskRecalled t-1'),
      expect.stringMatching('PointOrdered t-2'),
    ]);
  });
});

describe('a retry', () => {
  it('opens a parked task again, with all its attempts', () => {
    const fixture = running();
    fixture.checkpoint(300);
    fixture.fault('subject');
    expect(fixture.do(retry)).toEqual(['TaskReopened t-1', expect.stringMatching('TaskAssigned t-1')]);
    expect(fixture.work()).toMatchObject({ attempts: 0, checkpoint: { doneBytes: 300 } });
  });

  it('under a brake opens it, and it waits', () => {
    const fixture = running();
    fixture.fault('subject');
    expect(fixture.hold().do(retry)).toEqual(['TaskReopened t-1']);
  });

  it('is refused of what is not parked', () => {
    expect(running().do(retry)).toEqual(refused('NOT_PARKED'));
  });
});
