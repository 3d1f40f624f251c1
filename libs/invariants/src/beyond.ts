/** Predicates that no log can judge by itself, and where they are judged. */
export const beyondTheLog = [
  { id: 'O3', text: 'at no moment do two places take a write', notJudged: 'clients’ probes: tried under faults' },
  {
    id: 'L4',
    text: 'topics hold what the stores hold',
    notJudged: 'stores and topics: each owner checks its own at its start',
  },
  {
    id: 'L5',
    text: 'a fold of the log is what the projections show',
    notJudged: '`holdfast projection rebuild` compares the hashes',
  },
  {
    id: 'L6',
    text: 'handled twice is handled once',
    notJudged: 'what a service did with an event: tried under faults',
  },
  { id: 'L7', text: 'recorded commands decide to the recorded events', notJudged: 'commands are not in the log' },
  {
    id: 'L8',
    text: 'every version ever published is in the store',
    notJudged: 'stores: each owner checks its own at its start',
  },
  { id: 'H4', text: 'a real death is declared in time', notJudged: 'deaths that nobody declared are no events' },
  { id: 'M4', text: 'every acknowledged write is read back', notJudged: 'clients’ ledgers: tried under faults' },
] as const;
