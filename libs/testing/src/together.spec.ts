import { together } from './together';

describe('tests that begin together', () => {
  let answer!: (word: string) => void;
  const answered = new Promise<string>((resolve) => (answer = resolve));

  together('may wait for what a later one does', async () => {
    expect(await answered).toBe('begun');
  });
  together('are all begun before the first is told', async () => answer('begun'));
});
