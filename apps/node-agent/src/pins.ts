/** Which tasks may keep layers from being folded. What the list says of others is left over, and goes. */
export class Pinners {
  /** Undefined: it was never told which are open, so that only those count as over that were told to be. */
  private open: Set<string> | undefined;
  private readonly over = new Set<string>();

  /** An order to serve names every open task. */
  begin(open: readonly string[]): void {
    this.open = new Set(open);
    this.over.clear();
  }

  add(by: string): void {
    this.over.delete(by);
    this.open?.add(by);
  }

  drop(by: string): void {
    if (this.open) this.open.delete(by);
    else this.over.add(by);
  }

  /** Told to be over, and perhaps in the list still. A cluster has many tasks, of which few ever pin anything here. */
  get toUnpin(): string[] {
    return [...this.over];
  }

  /** Whatever they pinned is gone from the list. */
  forget(tasks: readonly string[]): void {
    for (const by of tasks) this.over.delete(by);
  }

  isOver(by: string): boolean {
    return this.over.has(by) || (this.open !== undefined && !this.open.has(by));
  }
}
