import type { Told } from './event';

/** A halt reaches the observer over its topic: what it decided meanwhile is no fault. */
const HEARD_WITHIN_MS = 10_000;

interface Declaration {
  readonly nodeId: string;
  readonly position: number;
  readonly at: string;
  readonly scope: string;
}

/** Halts, and what was declared under them. They are told on another topic than verdicts: only their times compare. */
export class HaltsState {
  private readonly since = new Map<string, string>();
  private underHalt: Declaration[] = [];

  broken(): readonly Declaration[] {
    return this.underHalt;
  }

  advance(event: Told): void {
    const { position, at } = event;
    if (event.type === 'AutomationHalted') this.since.set(event.data.scope, at);
    if (event.type === 'AutomationResumed') {
      const { scope } = event.data;
      this.since.delete(scope);
      // Declared after the end of the halt, and heard of before it.
      this.underHalt = this.underHalt.filter((one) => one.scope !== scope || Date.parse(one.at) < Date.parse(at));
    }
    if (event.type !== 'NodeDeclaredDown' || event.data.reason === 'operatorRequest') return;
    const { nodeId, clusterId } = event.data;
    for (const scope of ['fleet', clusterId]) {
      const since = this.since.get(scope);
      if (since !== undefined && Date.parse(at) - Date.parse(since) > HEARD_WITHIN_MS)
        this.underHalt.push({ nodeId, position, at, scope });
    }
  }
}
