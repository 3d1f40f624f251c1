import { readdirSync, readFileSync } from 'node:fs';

/** One living process of this run, as the kernel tells it. */
export interface RunProcess {
  readonly pid: number;
  readonly command: readonly string[];
  /** The storage node that it belongs to, if any: every child of a node's watchdog inherits the variable. */
  readonly nodeId?: string;
  readonly state: 'running' | 'stopped';
}

const RUN_ID = 'HOLDFAST_RUN_ID';
const NODE_ID = 'HOLDFAST_AGENT_NODE_ID';

/**
 * All processes that were started for this run, found by the run's id in their environment: it is inherited, so that
 * nothing that a child starts can be missed. The supervisor and the keeper do not have it.
 */
export function processesOf(runId: string): RunProcess[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((entry) => describe(Number(entry), runId) ?? []);
}

function describe(pid: number, runId: string): RunProcess | undefined {
  const environment = read(`/proc/${pid}/environ`)?.split('\0');
  if (!environment?.includes(`${RUN_ID}=${runId}`)) return undefined;
  const command = read(`/proc/${pid}/cmdline`)?.split('\0').slice(0, -1);
  const state = stateOf(pid);
  if (!command || !state) return undefined;
  const nodeId = environment.find((variable) => variable.startsWith(`${NODE_ID}=`))?.slice(NODE_ID.length + 1);
  return { pid, command, state, ...(nodeId === undefined ? {} : { nodeId }) };
}

/** A zombie is dead: it only waits to be read. */
function stateOf(pid: number): RunProcess['state'] | undefined {
  const line = read(`/proc/${pid}/stat`);
  // It stands behind the name, which may hold spaces and brackets itself.
  const letter = line?.[line.lastIndexOf(')') + 2];
  if (letter === undefined || letter === 'Z' || letter === 'X') return undefined;
  return letter === 'T' || letter === 't' ? 'stopped' : 'running';
}

/** Undefined for a process that has ended meanwhile, or is somebody else's. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** False when there is no such process any more. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** Ends every process that `find` still sees, again and again, for one of them may be starting another. */
export async function killAll(find: () => readonly RunProcess[]): Promise<number> {
  const killed = new Set<number>();
  for (let left = find(); left.length > 0; left = find()) {
    for (const { pid } of left) {
      killed.add(pid);
      signal(pid, 'SIGKILL');
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return killed.size;
}
