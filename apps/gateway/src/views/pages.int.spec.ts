import {
  TaskAdmitted,
  TaskAssigned,
  TaskCompleted,
  TaskRequested,
  type EventContract,
  type TaskId,
} from '@holdfast/contracts';
import fc from 'fast-check';
import { pageSql } from '../feed/paging';
import { rowsAt } from '../feed/tables';
import { listQuery, pageOf, type PageQuery } from '../http/page';
import { operationsProjection } from '../projections/operations.projection';
import type { FeedEvent } from '../projections/projection';
import { tasksProjection } from '../projections/tasks.projection';
import { FeedSuite } from '../testing/feed-suite';
import { ACTOR, told } from '../testing/told';
import type { Views } from './views';

const suite = new FeedSuite();
const TASKS = 24;
let views: Views;

beforeAll(async () => {
  views = await suite.showing(story());
});
afterAll(() => suite.stop());

/** Snapshots, some asked for in the same second, some at an end, some not begun; a few that serve; answers to nobody. */
function story(): FeedEvent[] {
  const begun = Array.from({ length: TASKS }, (_, n) => lifeOf(n));
  return [...begun.flatMap((life) => life.slice(0, 2)), ...begun.reverse().flatMap((life) => life.slice(2))];
}

function lifeOf(n: number): FeedEvent[] {
  const at = `2026-03-01T10:0${(n * 7) % 5}:00.000Z`;
  const kind = n % 6 === 0 ? ('serve' as const) : ('snapshot' as const);
  const requestId = `00000000-0000-4000-8000-0000000000${10 + ((n * 5) % TASKS)}`;
  const taskId = `${kind}-${(n * 11) % TASKS}` as TaskId;
  const point = { systemId: `s${n % 3}`, pointId: `p-${n}` };
  const ofTask = { clusterId: 'alpha', taskId, kind, subject: `system/s${n % 3}`, at };
  const volumes = [{ volumeId: 'v1', sizeBytes: 67_108_864 }];
  const spec = kind === 'serve' ? { systemId: 's1', address: '127.9.1.1', volumes } : { ...point, bytesPerSec: 1 };
  const order = {
    nodeId: `n${n % 4}`,
    nodeIncarnation: null,
    epoch: n,
    spec,
    placement: null,
    cause: 'admitted' as const,
  };
  const result = { manifest: 'a'.repeat(64), volumes, pieces: 1, bytes: 1 };
  const done = { ...point, nodeId: `n${n % 4}`, epoch: n, result, doneBytes: n * 1_000, durationMs: 1 };
  const tell = (contract: EventContract, data: object) => told(contract, data, { at, correlationId: requestId });

  const asked = { requestId, actor: ACTOR, dryRun: false, clusterId: 'alpha', taskId, kind, ...point, bytesPerSec: 1 };
  return [
    ...(n % 5 === 0 ? [] : [tell(TaskRequested, asked)]),
    tell(TaskAdmitted, { ...ofTask, spec, cost: 1, requestId }),
    ...(n % 4 === 0 ? [] : [tell(TaskAssigned, { ...ofTask, ...order })]),
    ...(n % 3 === 0 || kind === 'serve' ? [] : [tell(TaskCompleted, { ...ofTask, ...done })]),
  ];
}

const lists = {
  tasks: {
    projection: tasksProjection,
    by: 'taskId' as never,
    read: (of: Views, page: PageQuery): Promise<object[]> => of.tasks(page),
    sorts: ['taskId', '-taskId', 'since', '-toldAt', 'nodeId', '-nodeId', 'epoch', '-doneBytes'],
    filters: [
      ...[{}, { kind: 'serve' }, { kind: 'snapshot' }, { state: 'completed' }, { nodeId: 'n1' }, { nodeId: 'null' }],
      ...[{ epoch: '3' }, { state: 'assigned', systemId: 's1' }, { kind: 'serve', epoch: '6' }, { taskId: 'serve-0' }],
    ],
  },
  operations: {
    projection: operationsProjection,
    by: 'id' as never,
    read: (of: Views, page: PageQuery): Promise<object[]> => of.operations(page),
    sorts: ['-startedAt', 'startedAt', 'id', '-id', 'endedAt', '-endedAt', 'phase', '-progress'],
    filters: [
      ...[{}, { state: 'succeeded' }, { state: 'running' }, { endedAt: 'null' }, { subject: 'system/s1' }],
      ...[{ phase: 'null' }, { phase: 'pending', state: 'running' }, { kind: 'TaskRequested' }],
    ],
  },
};

describe.each(Object.entries(lists))('the list of %s', (_name, { projection, by, read, sorts, filters }) => {
  const { by: key, omits, sort: usual } = projection.endless!;

  it('is in pages what it is as a whole, in any order, by any filter, now and as of then', async () => {
    const positions = fc.option(fc.integer({ min: TASKS, max: 3 * TASKS }), { nil: undefined });
    const asked = fc.record({ sort: fc.constantFrom(...sorts), filter: fc.constantFrom(...filters) });
    const property = fc.asyncProperty(asked, positions, fc.integer({ min: 1, max: 9 }), async (query, at, limit) => {
      const seen = await views.at(at?.toString());
      const rows = await seen.rows<Record<string, unknown>>(projection.name);
      const omitted = (query.filter as Record<string, string>)[omits.field] === omits.equals ? null : omits.equals;
      const kept = new Set(rows.filter((row) => row[omits.field] !== omitted).map((row) => row[key]));
      // What is made of samples and neighbours PostgreSQL cannot sort by: so all of it comes.
      const everything = { ...listQuery.parse({ limit: 500, sort: 'result' }), at };
      const asOne = [await read(seen, everything), await read(seen, { ...everything, filter: { kind: 'serve' } })];
      const whole = asOne.flat().filter((item) => kept.has((item as Record<string, unknown>)[key]));

      // Not the reasons: some count the seconds that go by.
      const fields = `${key},kind,subject,state,progress,doneBytes`;
      const listed: object[] = [];
      let cursor: string | undefined;
      do {
        const page = { ...listQuery.parse({ ...query, fields, limit, cursor }), at };
        const { items, ...more } = pageOf(await read(seen, page), page, by);
        listed.push(...items);
        ({ cursor } = more);
      } while (cursor);
      expect(listed).toEqual(pageOf(whole, { ...listQuery.parse({ ...query, fields, limit: 500 }), at }, by).items);
    });
    await fc.assert(property, { numRuns: 150 });
  });

  it.each([{}, { state: 'running' }])(
    'in its usual order, by %j, is read from an index that has it',
    async (filter) => {
      const first = listQuery.parse({ limit: 3, sort: usual, filter });
      const { cursor } = pageOf(await read(views, first), first, by);
      for (const position of [undefined, 2 * TASKS]) {
        const { rest, values, inOrder } = pageSql(projection.endless!, { ...first, cursor });
        const sql = `explain select body from ${rowsAt(projection.name, position, inOrder)} ${rest}`;
        const { value: plan } = await suite.store.inTransaction(async (tx) => {
          for (const way of ['seqscan', 'bitmapscan', 'sort', 'incremental_sort'])
            await tx.query(`set local enable_${way} = off`);
          return tx.query<{ 'QUERY PLAN': string }>(sql, values);
        });
        const told = plan.map((line) => line['QUERY PLAN']).join('\n');
        expect(told).toContain('Index Scan');
        expect(told).not.toContain('Sort');
        const found = /Index Cond: .*/.exec(told)?.[0];
        for (const column of [...Object.keys(filter), ...(position ? ['from_position'] : [])])
          expect(found).toContain(column);
      }
    },
  );
});
