import { Verification, type LoggedEvent, type Verdict } from '@holdfast/invariants';
import { exit, Failure, usage } from '../failure';
import { pagesAfter, positionOf } from '../log';
import type { Session } from '../session';
import { labelled, table } from '../table';
import { action, examples, type Verb } from '../verb';

interface VerifyOptions {
  since?: string;
  subject?: string;
}

/** What was read, and what it was found to be. */
interface Outcome {
  readonly after: number;
  readonly position: number;
  readonly events: number;
  readonly predicates: readonly Verdict[];
}

export const verify: Verb = (program, world) => {
  examples(program.command('verify'), 'verify', 'verify --since 1h --subject system/s1 -o json')
    .description('what must never be, looked for in the whole log')
    .option('--since <when>', 'only from a position, an instant, or for a time such as 10m on: some rules need it all')
    .option('--subject <subject>', 'only what is wrong with it, such as system/s1')
    .action(
      action<VerifyOptions>(world, async (session, _given, options) => {
        if (options.subject !== undefined && !/^[a-z-]+\/./.test(options.subject))
          throw usage(`${options.subject} is no subject`, 'write its kind and its id, such as system/s1');
        const outcome = about(options.subject, await readLog(session, options.since));
        if (session.asJson) session.json(outcome);
        else show(session, outcome);
        refuse(outcome);
      }),
    );
};

/** Up to where the log ends as the reading begins: it may grow faster than anybody reads. */
async function readLog(session: Session, since: string | undefined): Promise<Outcome> {
  const after = since === undefined ? 0 : await positionOf(session, since);
  const verification = new Verification({ whole: after === 0 });
  let [position, events] = [after, 0];
  let end: number | undefined;
  for await (const { items, asOf } of pagesAfter(session, {}, after)) {
    if (after > asOf.position)
      throw usage(
        `the log ends at ${asOf.position}: nothing after ${after} can be judged`,
        'write an earlier position, or leave it out',
      );
    end ??= asOf.position;
    for (const event of items as unknown as LoggedEvent[]) {
      if (event.position > end) break;
      verification.see(event);
      position = event.position;
      events += 1;
    }
    tellProgress(session, { position, end });
    if (position >= end) break;
  }
  return { after, position, events, ...verification.report() };
}

/** On a terminal alone, in one line that is wiped at the end. */
function tellProgress({ world, asJson }: Session, { position, end }: { position: number; end: number }): void {
  if (!world.terminal || asJson) return;
  const line = `reading the log: ${position.toLocaleString('en')} of ${end.toLocaleString('en')} events`;
  world.err(position >= end ? '\r\x1b[K' : `\r${line}\x1b[K`);
}

/** The log is read as a whole all the same: what is wrong with one thing shows in what others did. */
function about(subject: string | undefined, outcome: Outcome): Outcome {
  if (subject === undefined) return outcome;
  const predicates = outcome.predicates.map((verdict) => ({
    ...verdict,
    violations: verdict.violations.filter((violation) => violation.subject === subject),
  }));
  return { ...outcome, predicates };
}

function show(session: Session, { after, position, events, predicates }: Outcome): void {
  const { world } = session;
  session.line(`${events.toLocaleString('en')} events, positions ${Math.min(after + 1, position)} to ${position}\n`);
  const judged = predicates.filter(({ checked, notJudged }) => checked > 0 || notJudged === undefined);
  const rows = judged.map(({ id, checked, violations, more, text }) => [
    id,
    checked.toLocaleString('en'),
    violations.length > 0 ? `${violations.length + more} violations` : 'ok',
    text,
  ]);
  world.out(table(world, ['RULE', 'CHECKED', 'RESULT', 'WHAT MUST HOLD'], rows));
  const broken = predicates.flatMap(({ id, violations }) =>
    violations.map((one) => [id, one.position === null ? 'the end' : `${one.position}`, one.subject, one.text]),
  );
  if (broken.length > 0) world.out(`\n${table(world, ['RULE', 'POSITION', 'SUBJECT', 'WHAT IS WRONG'], broken)}`);
  const unjudged = predicates.flatMap(({ id, notJudged }): [string, string][] => (notJudged ? [[id, notJudged]] : []));
  if (unjudged.length > 0) world.out(`\nnot judged here\n${labelled(world, unjudged)}`);
}

function refuse({ predicates }: Outcome): void {
  const broken = predicates.filter(({ violations }) => violations.length > 0);
  const [first] = broken.flatMap(({ violations }) => violations);
  if (!first) return;
  const count = broken.reduce((sum, { violations, more }) => sum + violations.length + more, 0);
  throw new Failure({
    code: 'INVARIANT_BROKEN',
    message: `${count} violation${count > 1 ? 's' : ''} of ${broken.map(({ id }) => id).join(', ')}`,
    remedy: `\`holdfast halt\` stops automatic actions; \`holdfast events --for ${first.subject}\` shows the first, \`holdfast why ${first.subject}\` what was decided`,
    exitCode: exit.refused,
  });
}
