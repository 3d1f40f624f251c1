import type { Predicate, StoredId } from './evidence';

const nameOf = ({ stream, version }: StoredId) => `${stream}@${version}`;

/** L4: the topics hold what the stores hold, neither more (ghosts) nor less (losses). Agents' streams have no store. */
export const L4: Predicate = ({ log, stored, storedBefore }) => {
  const published = new Map(log.filter(({ stream }) => !stream.startsWith('agent-')).map((e) => [nameOf(e), e.id]));
  const kept = new Map(stored.map((event) => [nameOf(event), event.id]));
  const ghosts = [...published].filter(([name, id]) => kept.get(name) !== id).map(([name]) => name);
  const losses = storedBefore.map(nameOf).filter((name) => !published.has(name));
  return [
    ...ghosts.map((subject) => ({ predicate: 'L4', subject, message: 'published, but not in its store' })),
    ...losses.map((subject) => ({ predicate: 'L4', subject, message: 'in its store, but never published' })),
  ];
};
