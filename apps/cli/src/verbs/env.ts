import { knownVariables } from '@holdfast/observability';
import { table } from '../table';
import { action, type Verb } from '../verb';
import type { World } from '../world';

/** What each variable is set to here, by whom, and what holds without it. */
export const env: Verb = (program, world) => {
  program
    .command('env')
    .description('each variable: value, source, default')
    .option('--all', 'also those that are not set')
    .action(
      action<{ all?: boolean }>(world, async (session, _given, { all }) => {
        const rows = variables(world);
        if (session.asJson) return session.json(rows);
        const shown = rows.filter(({ source }) => all || source !== 'default');
        if (shown.length === 0) return session.note('no variable is set; --all lists each with its default');
        const cells = shown.map(({ name, value, source, ...row }) => [
          name,
          value ?? '-',
          source,
          row.default ?? '-',
          row.means,
        ]);
        world.out(table(world, ['VARIABLE', 'VALUE', 'SOURCE', 'DEFAULT', 'MEANS'], cells));
      }),
    );
};

function variables({ env }: World) {
  return Object.entries(knownVariables).map(([name, { means, default: standard, secret }]) => {
    const file = secret && !env[name] ? env[`${name}_FILE`] : undefined;
    const given = env[name];
    const value = given ? (secret ? '[secret]' : given) : file ? `in ${file}` : (standard ?? null);
    const source = given ? 'environment' : file ? 'file' : 'default';
    return { name, value, source, default: standard ?? null, means };
  });
}
