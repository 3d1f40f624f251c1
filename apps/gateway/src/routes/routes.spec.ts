import { parseCall } from '../http/parse';
import type { Problem } from '../http/problem';
import { agentRemedy } from './act.routes';
import { routes } from './index';
import type { ActRoute } from './route';

const routeOf = (method: string, path: string) =>
  routes.find((route) => route.method === method && route.path === path)!;

function refusal(
  method: string,
  path: string,
  told: { params?: Record<string, string>; search?: string; body?: object },
): string | undefined {
  const search = new URLSearchParams(told.search ?? '');
  try {
    parseCall(routeOf(method, path), { params: told.params ?? {}, search, body: JSON.stringify(told.body ?? {}) });
    return undefined;
  } catch (error) {
    return (error as Problem).message;
  }
}

it('a volume is of whole blocks, from 1 MiB to 16 TiB', () => {
  const wanted = (sizeBytes: number) =>
    refusal('post', '/v1/systems', {
      body: { systemId: 's1', clusterId: 'alpha', volumes: [{ volumeId: 'v1', sizeBytes }] },
    });
  for (const good of [2 ** 20, 2 ** 20 + 4_096, 2 ** 44]) expect(wanted(good)).toBeUndefined();
  expect(wanted(4_096)).toContain('/volumes/0/sizeBytes: at least 1 MiB');
  expect(wanted(2 ** 20 + 512)).toContain('/volumes/0/sizeBytes: a multiple of 4096 bytes');
  expect(wanted(2 ** 44 + 4_096)).toContain('/volumes/0/sizeBytes: at most 16 TiB');
});

it('a volume has a name of its own, and a system none of those that the medium needs', () => {
  const volume = (volumeId: string) => ({ volumeId, sizeBytes: 2 ** 20 });
  const wanted = (systemId: string, ...volumeIds: string[]) =>
    refusal('post', '/v1/systems', { body: { systemId, clusterId: 'alpha', volumes: volumeIds.map(volume) } });
  expect(wanted('s1', 'a', 'b')).toBeUndefined();
  expect(wanted('s1', 'a', 'b', 'a')).toContain('/volumes/2/volumeId: another volume has this name');
  expect(wanted('backups', 'a')).toContain('/systemId: the names backups and probes are taken on the medium');
});

it('a filter by a value that its field never has is refused, with those that it has', () => {
  const nodes = (search: string) => refusal('get', '/v1/nodes', { search });
  expect(nodes('filter[status]=down')).toBeUndefined();
  expect(nodes('zone=anything')).toBeUndefined();
  expect(nodes('filter[status]=bogus')).toMatch(/\/filter\/status: one of joining, healthy, suspect, down/);
});

it('only the start of a drain has a plan: the dry run of a stop is refused', async () => {
  const { request } = routeOf('post', '/v1/nodes/:nodeId/drain') as ActRoute;
  const members = () => Promise.resolve({ nodes: new Map([['n1', { clusterId: 'alpha' }]]) });
  const drain = async (action: 'start' | 'stop', dryRun: boolean) => {
    const call = { params: { nodeId: 'n1' }, query: { dryRun }, body: { action } };
    return request(call as never, { members } as never);
  };
  await expect(drain('start', true)).resolves.toMatchObject({ data: { action: 'start' } });
  await expect(drain('stop', false)).resolves.toMatchObject({ data: { action: 'stop' } });
  await expect(drain('stop', true)).rejects.toMatchObject({
    code: 'INVALID_REQUEST',
    message: 'the stop of a drain has no dry run',
    remedy: expect.stringContaining('send it without dryRun') as string,
  });
});

it('maintenance lasts a second at least', () => {
  const wanted = (forMs: number) =>
    refusal('post', '/v1/nodes/:nodeId/maintenance', {
      ...{ params: { nodeId: 'n1' }, body: { action: 'start', forMs, reason: 'disks' } },
    });
  expect(wanted(1_000)).toBeUndefined();
  expect(wanted(0.0001)).toContain('/forMs');
});

it('what helps an agent that cannot go on depends on why it cannot', () => {
  expect(agentRemedy('HISTORY_FORKED', 'n3')).toMatch(/^restart the agent of n3: .*SIGTERM/);
  expect(agentRemedy('EVENT_UNKNOWN', 'n3')).toContain('newer build');
});
