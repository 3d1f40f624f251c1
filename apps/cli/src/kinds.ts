import type { Row } from './api';
import { usage } from './failure';
import { at, duration, since, size, text } from './values';

export interface Column {
  head: string;
  value: (row: Row, now: number) => string;
  /** Only with `-o wide`. */
  wide?: true;
}

/** What the gateway lists under `/v1/<plural>`, and how people read it. */
export interface Kind {
  singular: string;
  plural: string;
  idKey: string;
  /** Where `--status` and `wait --for` look. */
  statePath: string;
  columns: readonly Column[];
  /** What an empty list means, where that is not plain. */
  whenNone?: string;
}

const column = (head: string, path: string): Column => ({ head, value: (row) => text(at(row, path)) });
const age = (head: string, path: string): Column => ({ head, value: (row, now) => since(at(row, path), now) });
const wide = (plain: Column): Column => ({ ...plain, wide: true });
const computed = (head: string, value: Column['value']): Column => ({ head, value });

const shortId = (path: string): Column => computed('ID', (row) => text(at(row, path)).slice(0, 8));

const kinds: readonly Kind[] = [
  {
    singular: 'cluster',
    plural: 'clusters',
    idKey: 'clusterId',
    statePath: 'verdict',
    columns: [
      column('CLUSTER', 'clusterId'),
      column('VERDICT', 'verdict'),
      computed('SIGHT', (row) => withCause(at(row, 'sight.state'), at(row, 'sight.cause'))),
      computed('FROZEN', ({ clusterId, frozen }, now) =>
        frozen ? `${text(at(frozen, 'cause'))} for ${since(at(frozen, 'since'), now)}: thaw ${text(clusterId)}` : 'no',
      ),
      computed('NODES', ({ nodesByStatus }) => counts(nodesByStatus)),
      wide(column('NAME', 'name')),
      wide(column('ADDRESSES', 'addressRanges')),
    ],
  },
  {
    singular: 'node',
    plural: 'nodes',
    idKey: 'nodeId',
    statePath: 'status',
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
    columns: [
      column('TASK', 'taskId'),
      column('KIND', 'kind'),
      column('SUBJECT', 'subject'),
      column('NODE', 'nodeId'),
      column('EPOCH', 'epoch'),
      column('STATE', 'state'),
      age('SINCE', 'since'),
      column('REASON', 'reason'),
      wide(column('LAST OWNERS', 'lastOwners')),
    ],
  },
  {
    singular: 'operation',
    plural: 'operations',
    idKey: 'id',
    statePath: 'state',
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

export function idOf(kind: Kind, row: Row): string {
  return text(row[kind.idKey]);
}

function withCause(state: unknown, cause: unknown): string {
  return cause ? `${text(state)}: ${text(cause)}` : text(state);
}

function counts(byStatus: unknown): string {
  const present = Object.entries((byStatus ?? {}) as Row).filter(([, count]) => count !== 0);
  return present.map(([status, count]) => `${text(count)} ${status}`).join(', ') || '-';
}

/** `2 × 64 MiB`, or each by its name where they differ. */
function volumesOf(volumes: unknown): string {
  const list = (volumes ?? []) as Row[];
  const sizes = new Set(list.map(({ sizeBytes }) => sizeBytes));
  if (sizes.size === 1) return `${list.length} × ${size([...sizes][0])}`;
  return list.map(({ volumeId, sizeBytes }) => `${text(volumeId)} ${size(sizeBytes)}`).join(', ') || '-';
}

function exportsOf(exports: unknown): string {
  return ((exports ?? []) as Row[]).map(({ uri }) => text(uri)).join(' ') || '-';
}

function failing(checks: unknown): string {
  const failed = ((checks ?? []) as Row[]).filter(({ ok }) => ok === false);
  return failed.map(({ name, detail }) => withCause(name, detail)).join('; ') || '-';
}
