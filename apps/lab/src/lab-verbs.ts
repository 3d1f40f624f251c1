import type { LabAnswer, LabRequest } from './lab-socket';
import type { Outlook } from './outlook';
import { afterNode, afterPart, type Verb } from './what-follows';

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
  outlook(nodeId: string): Outlook;
  summary(): readonly string[];
}

const VERBS: readonly Verb[] = ['kill', 'pause', 'resume', 'start', 'stop'];

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
  const [kind, name = ''] = target.split('/');
  const expect = kind === 'node' ? afterNode(verb, lab.outlook(name)) : afterPart(verb, target);
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

function status(lab: Lab): string {
  const rows = [...lab.parts()].map(([name, { state }]) => `${name.padEnd(26)} ${state}`);
  return [...rows, ...lab.summary()].join('\n');
}

const isVerb = (verb: string): verb is Verb => (VERBS as readonly string[]).includes(verb);
const possible = (part: LabPart): Verb[] => VERBS.filter((verb) => part[verb] !== undefined);

function refused(code: string, message: string, remedy: string): LabAnswer {
  return { ok: false, code, message, remedy };
}
