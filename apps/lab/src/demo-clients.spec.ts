import { DemoClients } from './demo-clients';

const node = process.execPath;
afterEach(() => {
  process.execPath = node;
  jest.restoreAllMocks();
});

it('a client that cannot be started is told and not counted, and the fleet goes on', async () => {
  process.execPath = '/nowhere/node';
  const told = new Promise<string>((resolve) =>
    jest.spyOn(process.stderr, 'write').mockImplementation((text) => (resolve(String(text)), true)),
  );
  const clients = new DemoClients('run', (systemId) => `/nowhere/${systemId}.jsonl`);
  clients.start({ systemId: 's1', exports: [] } as unknown as Parameters<DemoClients['start']>[0]);
  expect(await told).toBe('✖ the client of s1: spawn /nowhere/node ENOENT\n');
  expect(clients.count).toBe(0);
});
