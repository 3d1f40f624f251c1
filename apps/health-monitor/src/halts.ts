import type { ClusterId } from '@holdfast/contracts';
import { type EventStore, haltedScopes, isHalted, noteHalted, noteResumed, type Tx } from '@holdfast/event-store';

/** The brake that a person pulls, in memory: it is asked for at each look at the log. */
export class Halts {
  private scopes = new Set<string>();

  constructor(private readonly store: EventStore) {}

  async load(): Promise<void> {
    this.scopes = await haltedScopes(this.store);
  }

  holds(clusterId: ClusterId): boolean {
    return isHalted(this.scopes, clusterId);
  }

  async halt(tx: Tx, scope: string): Promise<void> {
    await noteHalted(tx, scope);
    tx.onCommit(() => this.scopes.add(scope));
  }

  async resume(tx: Tx, scope: string): Promise<void> {
    await noteResumed(tx, scope);
    tx.onCommit(() => this.scopes.delete(scope));
  }
}
