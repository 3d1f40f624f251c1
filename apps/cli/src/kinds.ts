import type { Row } from './api';
import { usage } from './failure';
import {
  age,
  column,
  computed,
  counts,
  drainText,
  exportsOf,
  failing,
  loadText,
  scrubText,
  shortId,
  timeOf,
  volumesOf,
  wide,
  withCause,
  type Column,
} from './columns';
import { at, duration, percent, since, size, text } from './values';

/** What the gateway lists under `/v1/<plural>`, and how people read it. */
export interface Kind {
  singular: string;
  plural: string;
  idKey: string;
  /** Its id has a slash in it, and so has its path. */
  nested?: true;
  /** Where `--status` and `wait --for` look. */
  statePath: string;
  /** All that `wait --for` knows, beside `gone`; without it any word may come. */
  states?: readonly string[];
  columns: readonly Column[];
  /** What an empty list means, where that is not plain. */
  whenNone?: string;
}

const kinds: readonly Kind[] = [
  {
    singular: 'cluster',
    plural: 'clusters',
    idKey: 'clusterId',
    statePath: 'verdict',
    states: ['healthy', 'degraded', 'suspected', 'down', 'frozen', 'blind', 'empty'],
    columns: [
      column('CLUSTER', 'clusterId'),
      column('VERDICT', 'verdict'),
      computed('SIGHT', (row) => withCause(at(row, 'sight.state'), at(row, 'sight.cause'))),
      computed('FROZEN', ({ clusterId, frozen }, now) =>
        frozen ? `${text(at(frozen, 'cause'))} for ${since(at(frozen, 'since'), now)}: thaw ${text(clusterId)}` : 'no',
      ),
      computed('NODES', ({ nodesByStatus }) => counts(nodesByStatus)),
      computed('REBALANCE', ({ rebalance }, now) => (rebalance ? `for ${since(at(rebalance, 'since'), now)}` : '-')),
      wide(column('NAME', 'name')),
      wide(column('ADDRESSES', 'addressRanges')),
    ],
  },
  {
    singular: 'node',
    plural: 'nodes',
    idKey: 'nodeId',
    statePath: 'status',
    states: [
      ...['joining', 'healthy', 'suspect', 'isolated', 'partitioned', 'impaired', 'down'],
      ...['draining', 'overdue', 'drained', 'maintenance'],
    ],
    columns: [
      column('NODE', 'nodeId'),
      column('CLUSTER', 'clusterId'),
      column('ZONE', 'zone'),
      column('STATUS', 'status'),
      age('SINCE', 'since'),
      computed('SILENT', ({ silentMs }) => duration(silentMs)),
      computed('SUSPICION', ({ suspicion }) =>
        typeof suspicion === 'number' ? `${Math.round(suspicion * 100)} %` : '-',
      ),
      computed('ENGINE', ({ engine }) => text(at(engine, 'state'))),
      computed('WATCHDOG', ({ watchdogAlive }) => (watchdogAlive === false ? 'gone' : watchdogAlive ? 'alive' : '-')),
      computed('MAINTENANCE', ({ maintenance }) => (maintenance ? `until ${timeOf(at(maintenance, 'until'))}` : '-')),
      computed('DRAIN', ({ drain }) => drainText(drain)),
      wide(computed('LOAD', ({ placement }) => loadText(placement))),
      wide(column('ADDRESS', 'dataAddress')),
      wide(column('VERSION', 'engine.version')),
      wide(column('INCARNATION', 'incarnation')),
    ],
  },
  {
    singular: 'system',
    plural: 'systems',
    idKey: 'systemId',
    statePath: 'serving.state',
    states: ['pending', 'creating', 'starting', 'served', 'waiting', 'unserved', 'retired'],
    columns: [
      column('SYSTEM', 'systemId'),
      column('CLUSTER', 'clusterId'),
      column('NODE', 'nodeId'),
      column('EPOCH', 'epoch'),
      column('STATE', 'serving.state'),
      age('SINCE', 'serving.since'),
      column('ADDRESS', 'address'),
      computed('VOLUMES', ({ volumes }) => volumesOf(volumes)),
      column('REASON', 'serving.reason'),
      wide(computed('EXPORTS', ({ exports }) => exportsOf(exports))),
    ],
  },
  {
    singular: 'task',
    plural: 'tasks',
    idKey: 'taskId',
    statePath: 'state',
    states: [
      ...['pending', 'freezing', 'assigned', 'held', 'running', 'stopping', 'retrying'],
      ...['parked', 'completed', 'cancelled'],
    ],
    columns: [
      column('TASK', 'taskId'),
      column('KIND', 'kind'),
      column('SUBJECT', 'subject'),
      column('NODE', 'nodeId'),
      column('EPOCH', 'epoch'),
      column('STATE', 'state'),
      age('SINCE', 'since'),
      computed('DONE', ({ doneBytes, totalBytes }) =>
        typeof doneBytes === 'number' && typeof totalBytes === 'number' ? percent(doneBytes, totalBytes) : '-',
      ),
      column('REASON', 'reason'),
      wide(computed('SIZE', ({ totalBytes }) => size(totalBytes))),
      wide(computed('RATE', ({ bytesPerSec }) => (bytesPerSec ? `${size(bytesPerSec)}/s` : '-'))),
      wide(column('LAST OWNERS', 'lastOwners')),
    ],
  },
  {
    singular: 'backup',
    plural: 'backups',
    idKey: 'backupId',
    nested: true,
    statePath: 'state',
    states: ['ready', 'deleting'],
    columns: [
      column('BACKUP', 'backupId'),
      column('CLUSTER', 'clusterId'),
      age('AGE', 'at'),
      computed('SIZE', ({ bytes }) => size(bytes)),
      column('STATE', 'state'),
      computed('LAST SCRUB', ({ lastScrub }, now) => scrubText(lastScrub, now)),
      computed('RESTORABLE', ({ restorable, reason }) => (restorable ? 'yes' : withCause('no', reason))),
      wide(column('MANIFEST', 'manifest')),
    ],
  },
  {
    singular: 'operation',
    plural: 'operations',
    idKey: 'id',
    statePath: 'state',
    states: ['queued', 'running', 'waiting', 'planned', 'succeeded', 'failed', 'cancelled', 'refused'],
    columns: [
      shortId('id'),
      column('KIND', 'kind'),
      column('SUBJECT', 'subject'),
      column('STATE', 'state'),
      age('STARTED', 'startedAt'),
      computed('TOOK', ({ startedAt, endedAt }) =>
        typeof endedAt === 'string' ? since(startedAt, Date.parse(endedAt)) : '-',
      ),
      column('REASON', 'reason.code'),
      wide(column('OPERATION', 'id')),
    ],
  },
  {
    singular: 'service',
    plural: 'services',
    idKey: 'service',
    statePath: 'state',
    states: ['ready', 'unready'],
    columns: [
      column('SERVICE', 'service'),
      computed('READY', ({ ready }) => (ready === undefined ? '-' : ready ? 'yes' : 'no')),
      column('VERSION', 'version'),
      age('UP', 'startedAt'),
      column('LAG', 'lagEvents'),
      computed('OUTBOX', ({ outboxOldestMs }) => duration(outboxOldestMs)),
      column('PARKED', 'parked'),
      computed('HEARD', ({ silentMs }) => duration(silentMs)),
      computed('FAILING', ({ checks }) => failing(checks)),
    ],
  },
  {
    singular: 'parked-event',
    plural: 'parked-events',
    idKey: 'parkedId',
    statePath: 'code',
    columns: [
      column('PARKED', 'parkedId'),
      column('VERSION', 'version'),
      column('EVENT', 'type'),
      column('CODE', 'code'),
      column('ATTEMPTS', 'attempts'),
      age('SINCE', 'parkedAt'),
      wide(column('MESSAGE', 'message')),
    ],
  },
  {
    singular: 'projection',
    plural: 'projections',
    idKey: 'name',
    statePath: 'state',
    states: ['following', 'broken'],
    columns: [
      column('PROJECTION', 'name'),
      column('STATE', 'state'),
      column('POSITION', 'position'),
      column('LAG', 'lagEvents'),
      column('ERROR', 'error'),
    ],
  },
  {
    singular: 'automation',
    plural: 'automation',
    idKey: 'scope',
    statePath: 'state',
    states: ['halted', 'running'],
    whenNone: 'automation runs everywhere: nobody has halted it',
    columns: [
      column('SCOPE', 'scope'),
      computed('AUTOMATION', ({ halted }) => (halted ? 'halted' : 'runs')),
      age('SINCE', 'since'),
      column('REASON', 'reason'),
    ],
  },
  {
    singular: 'access-token',
    plural: 'access-tokens',
    idKey: 'tokenId',
    statePath: 'state',
    columns: [
      shortId('tokenId'),
      column('ROLE', 'role'),
      column('LABEL', 'label'),
      age('ISSUED', 'issuedAt'),
      column('EXPIRES', 'expiresAt'),
      column('REVOKED', 'revokedAt'),
      wide(column('TOKEN', 'tokenId')),
    ],
  },
];

export const kindNames = kinds.map(({ plural }) => plural);

/** By either name: `get node` and `get nodes` mean the same. */
export function kindOf(name: string): Kind {
  const kind = kinds.find(({ singular, plural }) => name === singular || name === plural);
  if (kind === undefined) throw usage(`there is no kind ${name}`, `one of ${kindNames.join(', ')}`);
  return kind;
}

export function columnsOf({ columns }: Kind, isWide: boolean): Column[] {
  return columns.filter(({ wide }) => !wide || isWide);
}

export function idOf(kind: Kind, row: Row): string {
  return text(row[kind.idKey]);
}

/** Every word that is true of it now, among those that `wait --for` knows. */
export function statesOf({ singular, statePath }: Kind, row: Row): string[] {
  if (singular === 'service') return [row['ready'] === true ? 'ready' : 'unready'];
  if (singular === 'automation') return [row['halted'] === true ? 'halted' : 'running'];
  const state = text(at(row, statePath));
  if (singular === 'cluster' && row['frozen']) return ['frozen', state];
  if (singular !== 'node') return [state];
  return [
    state,
    ...(row['maintenance'] ? ['maintenance'] : []),
    ...(at(row, 'drain') ? [text(at(row, 'drain.state'))] : []),
  ];
}
