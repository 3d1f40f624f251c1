import { metricsText } from '@holdfast/observability';
import { BackgroundTable } from './domain/background-fixture';
import { C1 } from './domain/table-fixture';
import { PlacementMetrics } from './placement-metrics';

it('counts what is open by kind and state, what lost its node, what was ordered and how long a failover took', async () => {
  const metrics = new PlacementMetrics();
  const table = BackgroundTable.serving('n2').running('n1');
  const told = () => {
    metrics.note(C1, table.table, table.history.splice(0));
    return metricsText();
  };
  expect(await told()).toContain('holdfast_tasks{cluster="c1",kind="snapshot",state="running"} 1');

  table.hold();
  table.close('n1');
  const lost = await told();
  expect(lost).toContain('holdfast_tasks_on_down_nodes{cluster="c1"} 2');
  expect(lost).toContain('holdfast_systems_without_holder{cluster="c1"} 1');

  table.wait(3_000).resume();
  table.do({ type: 'NoteTaken', ...table.by(), tookMs: 1 });
  const moved = await told();
  expect(moved).toContain('holdfast_placement_decisions_total{cluster="c1",cause="nodeDown"} 2');
  expect(moved).toContain('holdfast_task_failover_seconds_sum{cluster="c1",kind="snapshot"} 3');
  expect(moved).toContain('holdfast_tasks_on_down_nodes{cluster="c1"} 0');
});
