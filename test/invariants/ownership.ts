import { systemOfServeTask } from '@holdfast/contracts';
import { type LoggedEvent, plays } from '@holdfast/invariants';
import { type Claim, groupBy, type JournalLine, type Predicate, type Violation } from './evidence';

/** O1: what a node does to one thing, it does at epochs that never fall. */
export const O1: Predicate = ({ journals }) =>
  falls(
    'O1',
    journals.filter(({ kind }) => kind === 'effect'),
  );

/** O3: at no moment do two places take a write for one system. */
export const O3: Predicate = ({ probes }) =>
  probes
    .filter(({ acceptedAt }) => acceptedAt.length > 1)
    .map(({ systemId, atMs, acceptedAt }) =>
      violation('O3', systemId, `at ${atMs} ms a write was taken at ${acceptedAt.join(' and ')}`),
    );

/** O4: whoever took a system at an epoch was granted it, and its claim with that number is its own, for ever. */
export const O4: Predicate = ({ log, claims }) => {
  const granted = new Set(log.filter(({ type }) => plays(type, 'granted')).map(ownerOf));
  const claimed = new Map(claims.map((claim) => [`${claim.systemId}@${claim.epoch}`, claim.nodeId]));
  return log
    .filter(({ type }) => type === 'TaskTaken')
    .flatMap((taken) => {
      const systemId = systemOfServeTask(String(taken.data['taskId']));
      if (systemId === undefined) return [];
      const { nodeId, epoch } = taken.data;
      const claim = claimed.get(`${systemId}@${epoch}`);
      const subject = `${systemId}@${epoch}`;
      if (!granted.has(`${systemId}@${epoch}:${nodeId}`))
        return [violation('O4', subject, `${nodeId} took it without a grant`)];
      if (claim === undefined) return [violation('O4', subject, `${nodeId} took it without a claim`)];
      return claim !== undefined && claim !== nodeId
        ? [violation('O4', subject, `${nodeId} took it, the claim is ${claim}'s`)]
        : [];
    });
};

/** O5: the highest epoch that a node knows never falls; of claims no number is left out. */
export const O5: Predicate = ({ journals, claims }) => [
  ...falls(
    'O5',
    journals.filter(({ kind }) => kind === 'epoch'),
  ),
  ...[...groupBy(claims, ({ systemId }) => systemId)].flatMap(([systemId, own]) => gaps(systemId, own)),
];

const ownerOf = ({ data }: LoggedEvent) => `${data['systemId']}@${data['epoch']}:${data['nodeId']}`;

function falls(predicate: string, lines: readonly JournalLine[]): Violation[] {
  return [...groupBy(lines, ({ nodeId, route }) => `${route} on ${nodeId}`)].flatMap(([subject, own]) =>
    own.slice(1).flatMap(({ epoch }, index) => {
      const before = own[index]!.epoch;
      return epoch < before ? [violation(predicate, subject, `epoch ${epoch} after ${before}`)] : [];
    }),
  );
}

function gaps(systemId: string, claims: readonly Claim[]): Violation[] {
  const epochs = claims.map(({ epoch }) => epoch).sort((a, b) => a - b);
  return epochs
    .slice(1)
    .flatMap((epoch, index) =>
      epoch !== epochs[index]! + 1 ? [violation('O5', systemId, `claim ${epoch} follows ${epochs[index]}`)] : [],
    );
}

function violation(predicate: string, subject: string, message: string): Violation {
  return { predicate, subject, message };
}
