/** Callers that wait for the next change, each at most for so long. */
export class Waiters {
  private readonly waiting = new Set<() => void>();

  async next(withinMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const go = () => {
        clearTimeout(timer);
        this.waiting.delete(go);
        resolve();
      };
      const timer = setTimeout(go, withinMs);
      this.waiting.add(go);
    });
  }

  wake(): void {
    for (const go of [...this.waiting]) go();
  }
}
