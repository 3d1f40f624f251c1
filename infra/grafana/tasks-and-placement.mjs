import { calm, dashboard, line, metric, of, p50and99, perSecond, text, traces } from './panels.mjs';

const FIRST = `
1. **On down nodes** is not 0 for more than some seconds: work has lost its node and found no other.
   \`holdfast get tasks --state pending\`, then \`holdfast why task/<id>\`: it names the filter that leaves no node.
2. **Parked** is not 0: a task failed too often. \`holdfast get tasks --state parked\`; once its cause is gone,
   \`holdfast task retry <id>\`.
3. **Brakes on**: a person halted automation, or a cluster is frozen or out of sight. Nothing moves there, by intention.
   \`holdfast get clusters\`.
4. All three are 0 and work is slow: compare *Waiting* with *Running*. Many wait, few run: budgets are full.
   \`holdfast plan rebalance <cluster>\`.
`.trim();

const FORCED = 'cause=~"nodeDown|impaired|isolated|notTaken|stalled"';
const VOLUNTARY = 'cause=~"drain|failback|rebalance|operator"';
const movesPerMinute = (causes) =>
  `60 * sum by (cause) (rate(${metric('placement_decisions_total', causes)}[$__rate_interval]))`;
const tasksIn = (states, by) => `sum by (${by}) (${metric('tasks', `state=~"${states}"`)})`;

/** Does work that lost its node go on elsewhere, and does anything move that need not? */
export const tasksAndPlacement = dashboard({
  uid: 'holdfast-2-tasks',
  title: 'Holdfast 2: Tasks and placement',
  means: 'Does work that lost its node go on elsewhere, what waits and why, and does anything move that need not?',
  rows: [
    {
      title: 'Needs somebody',
      panels: [
        text('What to look at first', { means: 'From the most urgent to the least.', markdown: FIRST }),
        calm('On down nodes', {
          means: 'Tasks, serving among them, whose node is down and that no other node has yet.',
          expr: `sum(${metric('tasks_on_down_nodes')})`,
        }),
        calm('Parked', {
          means: 'They failed too often, or for a reason that no other node cures. `holdfast task retry <id>`.',
          expr: `sum(${metric('tasks', 'state="parked"')})`,
        }),
        calm('Brakes on', {
          means: 'Halted by a person, frozen, or blind: nothing moves there.',
          expr: `max(${metric('automation_halted')}) + sum(${metric('health_frozen')}) + sum(${metric('health_blind')})`,
        }),
      ],
    },
    {
      title: 'When a node fails',
      panels: [
        line('Tasks on down nodes', {
          means: 'Each failure is a peak of exactly its orphans, gone within a second where there is room.',
          series: of('tasks_on_down_nodes', '{{cluster}}'),
          limit: 1,
        }),
        line('Failover, by cluster', {
          means:
            'From the verdict to the new owner at work. Target: crash to work p99 ≤ 8 s, of which detection has 5.5 s.',
          unit: 's',
          series: p50and99('task_failover_seconds', 'cluster', '{{cluster}}'),
        }),
        line('Failover, by kind', {
          means: 'Serving comes first; a snapshot checks what is sealed before it goes on.',
          unit: 's',
          series: p50and99('task_failover_seconds', 'kind', '{{kind}}'),
        }),
      ],
    },
    {
      title: 'Work',
      panels: [
        line('Running', {
          means: 'Taken by a node and at work.',
          series: [{ expr: tasksIn('running', 'cluster, kind'), legend: '{{cluster}} {{kind}}' }],
        }),
        line('Waiting', {
          means:
            'Pending: no node fits now. Freezing: for its point. Held: for a lock. Retrying: until its next attempt.',
          series: [
            {
              expr: tasksIn('pending|freezing|assigned|held|retrying', 'cluster, state'),
              legend: '{{cluster}} {{state}}',
            },
          ],
        }),
        line('Stopping and parked', {
          means: 'Recalled and about to move; or waiting for a person.',
          series: [{ expr: tasksIn('stopping|parked', 'cluster, state'), legend: '{{cluster}} {{state}}' }],
        }),
      ],
    },
    {
      title: 'Placement',
      panels: [
        line('Decisions', {
          means: 'Every order to a node, by its cause: first placements, re-offers and moves.',
          unit: 'cps',
          series: [{ expr: perSecond('placement_decisions_total', 'cause'), legend: '{{cause}}' }],
        }),
        line('Forced moves per minute', {
          means: 'A node was down, impaired, cut off, silent, or made no progress.',
          series: [{ expr: movesPerMinute(FORCED), legend: '{{cause}}' }],
        }),
        line('Voluntary moves per minute', {
          means: 'Somebody drains, work goes home, load is levelled. Never while a node is down or suspect.',
          series: [{ expr: movesPerMinute(VOLUNTARY), legend: '{{cause}}' }],
        }),
        traces('What the load-balancer refused', {
          means: 'Wishes that ended in a refusal: the span names the command, its story the reason.',
          query: '{ resource.service.name = "load-balancer" && span.holdfast.outcome = "refused" }',
        }),
        traces('Slow or failed effects on nodes', {
          means: 'What an agent did in more than a second, or could not do.',
          query: '{ name =~ "effect .+" && (duration > 1s || status = error) }',
        }),
      ],
    },
  ],
});
