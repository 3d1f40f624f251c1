import { closingBlock } from './closing';

const closing = {
  readyMs: 24_300,
  gatewayUrl: 'http://127.0.0.1:7480',
  logs: '.holdfast/run/logs',
  engine: '7.2',
  daemons: 10,
  given: [],
  clusters: 3,
  nodes: 6,
  systems: 4,
  clients: 4,
  errors: 0,
  servesFirst: { systemId: 's1', nodeId: 'alpha-2' },
};

describe('the closing block', () => {
  it('names the node that serves s1 now', () => {
    expect(closingBlock(closing).trim().split('\n')).toEqual([
      'ready in 24 s   gateway  http://127.0.0.1:7480   cli  npx holdfast get nodes   logs  .holdfast/run/logs',
      'real: PostgreSQL 18.4 · Kafka 4.4.0 · qemu-storage-daemon 7.2 (10)     demo: 3 clusters, 6 nodes, 4 systems, 4 clients, 0 errors',
      'try:  npx holdfast lab kill node/alpha-2   it serves s1: elsewhere in 5–6 s       then  npx holdfast why system/s1',
    ]);
  });

  it('proposes to make a system where there is none', () => {
    expect(closingBlock({ ...closing, servesFirst: undefined })).toContain('npx holdfast system create s1');
  });
});
