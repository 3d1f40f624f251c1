import type { LabAnswer, LabRequest } from './lab-socket';

/** What the verbs act on: a node, a service, PostgreSQL or Kafka. */
export interface LabPart {
  readonly state: string;
  kill?(): unknown;
  pause?(): unknown;
  resume?(): unknown;
  start?(): unknown;
  stop?(): unknown;
}

export interface Lab {
  /** `node/alpha-2`, `service/gateway`, `kafka`, `postgres`. */
  parts(): ReadonlyMap<string, LabPart>;
  /** The systems that this node serves now. */
  servedBy(nodeId: string): readonly string[];
  /** The background tasks that it carries now. */
  carriedBy(nodeId: string): readonly string[];
  /** How many nodes its cluster has. */
  clusterSize(nodeId: string): number;
  summary(): readonly string[];
}

const VERBS = ['kill', 'pause', 'resume', 'start', 'stop'] as const;
type Verb = (typeof VERBS)[number];

export async function carryOut(lab: Lab, { verb, target }: LabRequest): Promise<LabAnswer> {
  if (verb === 'status') return { ok: true, message: status(lab) };
  if (!isVerb(verb)) return refused('UNKNOWN_VERB', `lab knows no ${verb}`, `one of ${VERBS.join(', ')}, status`);
  const parts = lab.parts();
  const part = target === undefined ? undefined : parts.get(target);
  if (!part || target === undefined)
    return refused(
      'NOT_FOUND',
      `there is no ${target ?? 'part without a name'}`,
      `one of ${[...parts.keys()].join(', ')}`,
    );

  if (!part[verb])
    return refused('NOT_POSSIBLE', `${target} knows no ${verb}`, `it knows ${possible(part).join(', ')}`);
  const dead = part.state === 'dead' || part.state === 'stopped';
  if (dead && verb !== 'start')
    return refused('NOT_RUNNING', `${target} is ${part.state}`, `holdfast lab start ${target}`);
  const expect = whatFollows(lab, verb, target);
  await part[verb]();
  return { ok: true, message: `${target}: ${DONE[verb]}`, expect };
}

const DONE: Record<Verb, string> = {
  kill: 'killed',
  pause: 'paused',
  resume: 'resumed',
  start: 'started',
  stop: 'stopped',
};

/** Said before it is done: afterwards nobody serves here any more. */
export function whatFollows(lab: Lab, verb: Verb, target: string): string {
  const [kind, name = ''] = target.split('/');
  if (kind === 'node') return ofNode(lab, verb, name);
  if (verb === 'stop') return `stays stopped until: holdfast lab start ${target}; clients read and write on`;
  if (verb === 'kill') return 'back within seconds by itself; clients read and write on, nothing moves';
  return verb === 'start' ? 'ready within seconds' : 'nothing moves, clients read and write on';
}

function ofNode(lab: Lab, verb: Verb, nodeId: string): string {
  if (verb === 'start')
    return 'recovered after three heartbeats, 3–4 s; systems stay where they are, new work goes elsewhere first for 60 s';
  if (verb === 'resume') return 'what was passed by a higher claim is killed by its watchdog within 0.5 s';
  const served = lab.servedBy(nodeId).join(', ');
  const size = lab.clusterSize(nodeId);
  if (size === 1)
    return `suspect after 4–5 s, and no other node can take over ${served || 'anything'}: declare-down or start it`;
  const seconds = size === 2 ? '7–8 s' : '5–6 s';
  const follows = [systemsAfter(verb, served), tasksAfter(lab.carriedBy(nodeId))].filter(Boolean);
  if (follows.length === 0) return `suspect, then down in ${seconds}; it serves nothing, nothing moves`;
  const again = size === 3 ? '; a second kill within 10 s may freeze the cluster' : '';
  return `down in ${seconds}, ${follows.join(', ')}${again}`;
}

function systemsAfter(verb: Verb, served: string): string {
  if (!served) return '';
  const where = verb === 'pause' ? 'elsewhere only once it wakes or dies: a paused daemon keeps its lock' : 'elsewhere';
  return `${served} served ${where}`;
}

/** A paused worker too: when it wakes, nobody reads what it writes. */
function tasksAfter(taskIds: readonly string[]): string {
  if (taskIds.length === 0) return '';
  return taskIds.length === 1
    ? `its task ${taskIds[0]} goes on elsewhere from its last sealed piece`
    : `its ${taskIds.length} tasks go on elsewhere from their last sealed piece`;
}

function status(lab: Lab): string {
  const rows = [...lab.parts()].map(([name, { state }]) => `${name.padEnd(26)} ${state}`);
  return [...rows, ...lab.summary()].join('\n');
}

const isVerb = (verb: string): verb is Verb => (VERBS as readonly string[]).includes(verb);
const possible = (part: LabPart): Verb[] => VERBS.filter((verb) => part[verb] !== undefined);

function refused(code: string, message: string, remedy: string): LabAnswer {
  return { ok: false, code, message, remedy };
}
