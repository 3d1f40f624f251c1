import type { Row } from '../api';
import { kindOf } from '../kinds';
import { perform, refuseOtherEnd } from '../operations';
import { planText } from '../plans';
import type { Session } from '../session';
import { findOne, pathOf } from '../subjects';
import { duration, text } from '../values';
import { action, examples, following, type Following, type Verb } from '../verb';
import { drainBody, drainFlags, drainOptions, type DrainOptions } from './drain';

/** Where the plan is asked for, and the verb that carries it out, if one does. */
interface Wanted {
  path: string;
  body: object;
  apply?: (planDigest: string, made: Row) => string | undefined;
}

const node = kindOf('node');
const cluster = kindOf('cluster');

/** What would happen, step by step, before anything does. */
export const plan: Verb = (program, world) => {
  const family = examples(
    program.command('plan').description('what a drain, a rebalance, a loss or a join would do'),
    'plan drain alpha-1',
    'plan rebalance alpha',
    'plan loss alpha-1',
    'plan join alpha --like alpha-1',
  );

  drainOptions(following(family.command('drain <node>')))
    .description('what emptying the node would move, and where')
    .action(
      action<DrainOptions>(world, async (session, [given = ''], options) => {
        const { id } = await findOne(session, node, given);
        const apply = (digest: string, made: Row) =>
          isRefused(made, options) ? undefined : `holdfast drain ${id} --plan ${digest}${drainFlags(options)} --watch`;
        await show(
          session,
          { path: `${pathOf(node, id)}/drain?dryRun=true`, body: drainBody(options), apply },
          options,
        );
      }),
    );

  following(family.command('rebalance <cluster>'))
    .description('which background work would level the load')
    .action(
      action<Following>(world, async (session, [given = ''], options) => {
        const { id } = await findOne(session, cluster, given);
        const apply = (digest: string, { steps }: Row) =>
          isEmpty(steps) ? undefined : `holdfast rebalance ${id} --plan ${digest} --watch`;
        await show(session, { path: `${pathOf(cluster, id)}/rebalance?dryRun=true`, body: {}, apply }, options);
      }),
    );

  following(family.command('loss <node>'))
    .description('what would be served and carried elsewhere, and what would wait, if this node died')
    .action(
      action<Following>(world, async (session, [given = ''], options) => {
        const { id, row } = await findOne(session, node, given);
        const change = { type: 'loss', nodeId: id };
        await show(session, { path: forecastPath(text(row['clusterId'])), body: { change } }, options);
      }),
    );

  following(family.command('join <cluster>'))
    .description('what one more node would take over')
    .requiredOption('--like <node>', 'a node as large as the new one')
    .action(
      action<Following & { like: string }>(world, async (session, [given = ''], options) => {
        const { id } = await findOne(session, cluster, given);
        const like = await findOne(session, node, options.like);
        const change = { type: 'join', likeNodeId: like.id };
        await show(session, { path: forecastPath(id), body: { change } }, options);
      }),
    );
};

const forecastPath = (clusterId: string): string => `${pathOf(cluster, clusterId)}/placement-plans`;

const isEmpty = (steps: unknown): boolean => !Array.isArray(steps) || steps.length === 0;

/** To carry it out would be refused, and a finding says why. By force, tasks may be left to wait for room. */
function isRefused({ findings }: Row, { force }: DrainOptions): boolean {
  const errors = ((findings ?? []) as Row[]).filter(({ severity }) => severity === 'error');
  return errors.some(({ code }) => !force || code !== 'CAPACITY_SHORT');
}

/** A plan is made in moments: it is always waited for. */
async function show(session: Session, { path, body, apply }: Wanted, follow: Following): Promise<void> {
  const operation = await perform(session, { path, body, dryRun: true }, { ...follow, watch: false, wait: true });
  refuseOtherEnd(session, operation, { wait: true });
  const made = (operation['result'] ?? {}) as Row;
  const { expiresAt } = operation;
  if (session.asJson) return session.json({ ...made, expiresAt: made['expiresAt'] ?? expiresAt ?? null });
  session.world.out(planText(session, made));
  const digest = text(made['planDigest']);
  session.line(`plan      ${digest}`);
  const command = apply?.(digest, made);
  if (command === undefined) return;
  session.line(`apply     ${command}`);
  const leftMs = Date.parse(text(made['expiresAt'] ?? expiresAt)) - session.world.now();
  if (!Number.isNaN(leftMs)) session.line(`expires   in ${duration(Math.max(0, leftMs))}`);
}
