import { requests } from '@holdfast/contracts';
import { groupBy, type LoggedEvent, type Predicate, streams, type StoredId } from './evidence';
import { plays } from './vocabulary';

const nameOf = ({ stream, version }: StoredId) => `${stream}@${version}`;

/** L1: a request is accepted or refused, never both, and by one kind of answer. */
export const L1: Predicate = ({ log }) => {
  const answers = groupBy(log, ({ correlationId }) => correlationId);
  return log
    .filter(({ type }) => plays(type, 'requested'))
    .flatMap((request) => {
      const contract = requests.find(({ event }) => event.type === request.type);
      const all = answers.get(request.correlationId) ?? [];
      const of = (kinds: readonly { type: string }[] = []) =>
        all.filter(({ type }) => kinds.some((kind) => kind.type === type));
      const accepted = of(contract?.accepts);
      const refused = of(contract?.refuses);
      if (accepted.length > 0 && refused.length > 0)
        return [{ predicate: 'L1', subject: request.correlationId, message: `accepted and refused: ${request.type}` }];
      if (accepted.length > 1 || refused.length > 1)
        return [{ predicate: 'L1', subject: request.correlationId, message: `answered twice: ${request.type}` }];
      return [];
    });
};

/** L2: an event has its effect once: the feed holds its id once, and its place in the stream once. */
export const L2: Predicate = ({ log }) => [...repeated(log, ({ id }) => id), ...repeated(log, nameOf)];

/** L3: no version of a stream is missing. */
export const L3: Predicate = ({ log }) =>
  [...streams(log)].flatMap(([stream, events]) => {
    const versions = [...new Set(events.map(({ version }) => version))];
    const missing = versions.findIndex((version, index) => version !== index + 1);
    return missing < 0
      ? []
      : [
          {
            predicate: 'L3',
            subject: stream,
            message: `version ${missing + 1} is missing before ${versions[missing]}`,
          },
        ];
  });

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

function repeated(log: readonly LoggedEvent[], keyOf: (event: LoggedEvent) => string) {
  return [...groupBy(log, keyOf)]
    .filter(([, events]) => events.length > 1)
    .map(([key, events]) => ({ predicate: 'L2', subject: key, message: `applied ${events.length} times` }));
}
