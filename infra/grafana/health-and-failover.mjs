import { calm, dashboard, line, metric, of, p50and99, perSecond, strips } from './panels.mjs';

/** Is anything wrong, is anything moving: the first dashboard to open. */
export const healthAndFailover = dashboard({
  uid: 'holdfast-1-health',
  title: 'Holdfast 1: Health and failover',
  means: 'Is anything wrong, is anything moving, and does the pipeline between cause and effect flow?',
  rows: [
    {
      title: 'Needs somebody',
      panels: [
        calm('Systems without holder', {
          means: 'Systems to be served that no node has taken. `holdfast get systems` says which and why.',
          expr: `sum(${metric('systems_without_holder')})`,
        }),
        calm('Frozen clusters', {
          means: 'More nodes fell silent at once than fail apart: nothing is declared. `holdfast why cluster/<id>`.',
          expr: `sum(${metric('health_frozen')})`,
        }),
        calm('Blind clusters', {
          means: 'The observer cannot see them: no verdict until sight is back.',
          expr: `sum(${metric('health_blind')})`,
        }),
        calm('Automation halted', {
          means: 'Scopes in which a person has halted automatic actions. `holdfast get automation`.',
          expr: `max(${metric('automation_halted')})`,
        }),
        calm('Requests unanswered', {
          means: 'Their owner has not answered in time. `holdfast get services`.',
          expr: `max(${metric('requests_unanswered')})`,
        }),
        calm('Parked events', {
          means: 'Streams that stopped at an event and wait for a person. `holdfast parked list`.',
          expr: `sum(${metric('parked_events')})`,
        }),
      ],
    },
    {
      title: 'Nodes',
      panels: [
        strips('Suspicion by node', {
          means: 'Share of its waiting time that a node has used: at 1 it is silent at its deadline.',
          series: of('node_suspicion', '{{cluster}} {{node}}'),
        }),
        line('Silence until down', {
          means: 'From the last heartbeat to the verdict. Target: p50 ≤ 4.8 s, p99 ≤ 5.5 s with two other live nodes.',
          unit: 's',
          width: 6,
          series: p50and99('detection_seconds', 'cluster', '{{cluster}}'),
        }),
        line('Verdict until served elsewhere', {
          means: 'From the order to move to the new node having taken the system. Target: p99 ≤ 1 s.',
          unit: 's',
          width: 6,
          series: p50and99('system_takeover_seconds', 'cluster', '{{cluster}}'),
        }),
        line('Samples dropped before the rules', {
          means: 'Unknown nodes, foreign clusters, wrong partitions, replays: each has its reason.',
          unit: 'cps',
          width: 12,
          series: [{ expr: perSecond('rejected_messages_total', 'reason'), legend: '{{reason}}' }],
        }),
        line('Without holder, over time', {
          means: 'Systems to be served that no node has taken.',
          width: 12,
          series: of('systems_without_holder', '{{cluster}}'),
          limit: 1,
        }),
      ],
    },
    {
      title: 'Pipeline: store → outbox → Kafka → inbox → projection → stream',
      panels: [
        line('Append', {
          means: 'From the append of a transaction to the end of its commit.',
          unit: 's',
          series: p50and99('append_seconds', 'service', '{{service}}'),
        }),
        line('Append conflicts', {
          means: 'Transactions run again because another writer was first. A few are normal.',
          unit: 'cps',
          series: [{ expr: perSecond('append_conflicts_total', 'service'), legend: '{{service}}' }],
        }),
        line('Unsent events', {
          means: 'Committed, and not yet acknowledged by Kafka. New requests are refused from 10,000 on.',
          series: of('outbox_pending', '{{service}}'),
          limit: 10000,
        }),
        line('Age of the oldest unsent', {
          means: 'A service is unready from 30 s on.',
          unit: 's',
          series: of('outbox_oldest_age_seconds', '{{service}}'),
          limit: 30,
        }),
        line('Consumer lag', {
          means: 'Records of the topics that a service has not read yet.',
          series: of('consumer_lag_events', '{{service}}'),
        }),
        line('Projection lag', {
          means: 'Events of the feed that a projection has not folded yet.',
          series: of('projection_lag_events', '{{projection}}'),
        }),
        line('Gaps, and replays asked', {
          means: 'Streams with a hole, for how long the oldest has one, and how often owners are asked to send again.',
          series: [
            { expr: metric('inbox_gaps'), legend: 'gaps {{service}}' },
            { expr: metric('inbox_gap_oldest_age_seconds'), legend: 'oldest, s {{service}}' },
            { expr: perSecond('replays_asked_total', 'service'), legend: 'asked/s {{service}}' },
          ],
        }),
        line('Blocked streams', {
          means: 'Streams of an inbox that stopped, and for how long the oldest waits.',
          series: [
            { expr: metric('inbox_blocked_streams'), legend: 'streams {{service}}' },
            { expr: metric('parked_oldest_age_seconds'), legend: 'oldest, s {{service}}' },
          ],
        }),
        line('Parked events', {
          means: 'They wait for a person.',
          series: of('parked_events', '{{service}}'),
          limit: 1,
        }),
        calm('Store regressed', {
          means:
            'The store lacks events that it once published: it was restored from an older backup. Nothing is appended.',
          expr: `max(${metric('store_regressed')})`,
        }),
        line('API', {
          means: 'From a request to its answer. Target: p99 ≤ 50 ms.',
          unit: 's',
          width: 8,
          series: p50and99('http_request_seconds', 'method', '{{method}}'),
        }),
        line('API problems', {
          means: 'Answers that are no success, by code.',
          unit: 'cps',
          width: 8,
          series: [{ expr: perSecond('http_problems_total', 'code'), legend: '{{code}}' }],
        }),
        line('Live listeners', {
          means: 'Clients of the event stream.',
          width: 4,
          series: of('sse_clients', 'listeners'),
        }),
      ],
    },
  ],
});
