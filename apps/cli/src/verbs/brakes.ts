import { kindOf } from '../kinds';
import { request } from '../operations';
import { findOne, pathOf } from '../subjects';
import { action, following, type Following, type Verb } from '../verb';

interface Reasoned extends Following {
  reason: string;
}

/** What a person says about nodes and clusters, and the brakes of automation. */
export const brakes: Verb = (program, world) => {
  following(program.command('declare-down <node>'))
    .description('say that a node is gone, so that its systems move')
    .option('--powered-off', 'attest that it is switched off and cannot act any more')
    .requiredOption('--reason <text>', 'kept with the event')
    .action(
      action<Reasoned & { poweredOff?: boolean }>(world, async (session, [given = ''], options) => {
        const { kind, id } = await findOne(session, kindOf('node'), given);
        const body = { poweredOff: options.poweredOff === true, reason: options.reason };
        await request(session, { path: `${pathOf(kind, id)}/declare-down`, body }, options);
      }),
    );

  following(program.command('thaw <cluster>'))
    .description('lift the freeze of a cluster')
    .requiredOption('--reason <text>', 'kept with the event')
    .action(
      action<Reasoned>(world, async (session, [given = ''], options) => {
        const { kind, id } = await findOne(session, kindOf('cluster'), given);
        await request(session, { path: `${pathOf(kind, id)}/thaw`, body: { reason: options.reason } }, options);
      }),
    );

  following(program.command('halt [cluster]'))
    .description('no automatic action in the fleet, or in one cluster, until it is resumed')
    .requiredOption('--reason <text>', 'kept with the event')
    .action(
      action<Reasoned>(world, (session, [scope = 'fleet'], options) =>
        request(session, { path: '/v1/automation/halt', body: { scope, reason: options.reason } }, options),
      ),
    );

  following(program.command('resume [cluster]'))
    .description('end a halt')
    .action(
      action<Following>(world, (session, [scope = 'fleet'], options) =>
        request(session, { path: '/v1/automation/resume', body: { scope } }, options),
      ),
    );
};
