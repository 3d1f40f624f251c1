import { serveTaskOf, systemId, systemOfServeTask, type SystemId } from './ids';

describe('the name of a system', () => {
  it('is none of those that stand beside it on the medium, or before other streams', () => {
    for (const name of ['backups', 'probes', 'plan-a', 'orders-a', 'stream-a', 'S1', '..', ''])
      expect(systemId.safeParse(name).success).toBe(false);
  });

  it('may hold any of them', () => {
    for (const name of ['backups-2', 'probe', 'a-probes', 'plan']) expect(systemId.safeParse(name).success).toBe(true);
  });
});

describe('the name of a serve task', () => {
  it('is turned back into its system', () => {
    for (const name of ['s1', 'serve-me', 'a-serve-b'])
      expect(systemOfServeTask(serveTaskOf(name as SystemId))).toBe(name);
  });

  it('names no system for a task of another kind', () => expect(systemOfServeTask('backup-s1')).toBeUndefined());
});
