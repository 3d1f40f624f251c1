/**
 * `it` for what mostly waits: all of one `describe` begin together, and each is told when its turn comes. Jest's own
 * `it.concurrent` refuses to load a module once the first of them has ended, and kafkajs loads some at their first use.
 */
export function together(name: string, work: () => Promise<void>): void {
  let running: Promise<void>;
  beforeAll(() => {
    running = work();
    // A failure is its own test's to tell, however early it comes.
    running.catch(() => undefined);
  });
  it(name, () => running);
}
