/** What is ordered of one thing: carried out one after the other, and the newest calls off whatever came before it. */
export interface Turns {
  newest: AbortController;
  turn: Promise<unknown>;
}

export function newTurns(): Turns {
  return { newest: new AbortController(), turn: Promise.resolve() };
}

/** The signal of the one that is the newest now. */
export function callOffOthers(turns: Turns): AbortSignal {
  turns.newest.abort();
  turns.newest = new AbortController();
  return turns.newest.signal;
}

export function inTurn(turns: Turns, work: () => Promise<void>): Promise<void> {
  const done = turns.turn.then(work);
  turns.turn = done.catch(() => undefined); // told to the caller; the next in line is not held up
  return done;
}
