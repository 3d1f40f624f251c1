import { serveTaskOf, systemOfServeTask, type SystemId } from './ids';

describe('the name of a serve task', () => {
  it('is turned back into its system', () => {
    for (const name of ['s1', 'serve-me', 'a-serve-b'])
      expect(systemOfServeTask(serveTaskOf(name as SystemId))).toBe(name);
  });

  it('names no system for a task of another kind', () => expect(systemOfServeTask('backup-s1')).toBeUndefined());
});
