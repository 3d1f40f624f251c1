import type { Page, Row } from '../api';
import { warnOfAge } from '../as-of';
import { exit, Failure } from '../failure';
import { columnsOf, type Kind } from '../kinds';
import type { Session } from '../session';
import { findSubject, pathOf, readSubject } from '../subjects';
import { table } from '../table';
import { text } from '../values';
import { action, type Verb } from '../verb';

export const history: Verb = (program, world) => {
  program
    .command('history <subject>')
    .description('what it was, state by state, oldest first; of what is gone too')
    .action(
      action(world, async (session, [given = '']) => {
        const { kind, states } = await statesOf(session, given);
        warnOfAge(session, states.asOf, 'this history');
        if (session.asJson) return session.json(states.items);
        session.world.out(historyTable(session, kind, states.items));
      }),
    );
};

/** What is gone cannot be read any more, but its history can: so its exact id goes first. */
async function statesOf(session: Session, given: string): Promise<{ kind: Kind; states: Page }> {
  const { kind, id } = readSubject(given);
  try {
    return { kind, states: await session.api.list(`${pathOf(kind, id)}/history`) };
  } catch (error) {
    if (!(error instanceof Failure) || error.exitCode !== exit.notFound) throw error;
    const found = await findSubject(session, given);
    return { kind, states: await session.api.list(`${pathOf(kind, found.id)}/history`) };
  }
}

const stateHeads = new Set(['STATE', 'STATUS', 'VERDICT']);

/** A state that differs in nothing that is shown is left out; `-o wide` shows more, `-o json` all. */
function historyTable(session: Session, kind: Kind, states: readonly Row[]): string {
  const isWide = session.options.output === 'wide';
  // The id is the same in all, and an age is one of now.
  const columns = columnsOf(kind, isWide).filter(({ isAge }, i) => i > 0 && !isAge);
  // What came to be known of it before it was there is not how it began.
  const born = states.slice(
    Math.max(
      0,
      states.findIndex(({ body }) => body !== null),
    ),
  );
  const rows = born.map(({ fromPosition, at, body }) => {
    const cells = columns.map(({ value }) => (body ? value(body as Row, Date.parse(text(at))) : '-'));
    return { when: [text(fromPosition), text(at).replace(/(\.\d{3})\d*Z$/, '$1Z')], cells, isGone: body === null };
  });
  const changed = rows.filter(({ cells, isGone }, i) => isGone || String(cells) !== String(rows[i - 1]?.cells));
  const told = columns.map((_, i) => changed.some(({ cells }) => cells[i] !== '-'));
  const heads = columns.filter((_, i) => told[i]).map(({ head }) => head);
  const lines = changed.map(({ when, cells, isGone }) => {
    const shown = isGone ? heads.map((head) => (stateHeads.has(head) ? 'gone' : '-')) : cells.filter((_, i) => told[i]);
    return [...when, ...shown];
  });
  const width = isWide ? { ...session.world, columns: Infinity } : session.world;
  return table(width, ['POSITION', 'AT', ...heads], lines);
}
