import { node, taskOf } from './table-fixture';
import { WorkTable } from './work-fixture';

/** n1 serves s1; a person works on n2. */
function besideMaintenance(...others: string[]): WorkTable {
  const table = WorkTable.withNodes('n1').serve('s1');
  for (const nodeId of ['n2', ...others]) table.open(nodeId);
  table.inMaintenance = [node('n2')];
  return table;
}

describe('a node in maintenance', () => {
  it('gets nothing new while another is left', () => {
    const table = besideMaintenance('n3').running('1', 'n1', 1);
    table.close('n1');
    expect([table.task('s1').nodeId, table.workOf('1').nodeId]).toEqual(['n3', 'n3']);
  });

  it('serves rather than nobody, and what it does not answer goes to the next node that opens', () => {
    const table = besideMaintenance();
    table.close('n1');
    expect(table.task('s1').nodeId).toBe('n2');
    table.open('n3');
    table.wait(5_000);
    expect(table.do({ type: 'CheckTask', taskId: taskOf('s1') })).toEqual(['TaskMoved serve-s1 n2→n3@3 notTaken']);
  });

  it('is sent no system that is well where it is, whatever is to be emptied or levelled', () => {
    const table = besideMaintenance();
    expect(table.drain('n1')).toEqual(['NodeDrainStarted n1 maintenance']);
    table.inMaintenance = [];
    expect(table.look()).toEqual(['TaskRecalled serve-s1 n1@1 drain →n2']);
  });

  it('gets nothing that stopped for a node which is gone by then: it goes on where it was', () => {
    const table = besideMaintenance('n3');
    expect(table.drain('n1').at(-1)).toBe('TaskRecalled serve-s1 n1@1 drain →n3');
    table.close('n3');
    expect(table.stop(taskOf('s1'))).toEqual(['TaskAssigned serve-s1 n1@2 kept']);
  });

  it('keeps what it carries', () => {
    const table = besideMaintenance('n3');
    table.inMaintenance = [node('n1')];
    table.wait(600_000);
    expect(table.look()).toEqual([]);
  });
});
