// A node of a benchmark without Kafka: what an agent does with its orders, in a process of its own that can be killed.
// Orders come from its parent; every fact goes back.
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(import.meta.url);
const agent = (part) => require(`../../apps/node-agent/dist/${part}.js`);
const { Facts } = agent('facts');
const { Journal } = agent('journal');
const { Points } = agent('points');
const { Serving } = agent('serving');

const [nodeId, address, root] = process.argv.slice(2);
const incarnation = randomUUID();
const runFolder = join(root, nodeId, 'run');
mkdirSync(runFolder, { recursive: true });
const journal = await Journal.open(join(root, nodeId, 'journal'));
const facts = new Facts(journal, { clusterId: 'alpha', nodeId, incarnation });
facts.onTold(() => {
  const fact = journal.state.facts.at(-1);
  if (fact.type === 'PointRefused') log('refused', fact.data);
  process.send(fact);
});
const node = {
  nodeId,
  mediumFolder: join(root, 'medium'),
  runFolder,
  engine: { binary: 'qemu-storage-daemon', flush: 'os' },
  addressOf: () => address,
  foldAbove: 8,
};
const log = (message, details) => console.error(`  ${nodeId}: ${message} ${JSON.stringify(details ?? {})}`);
const fill = () => Promise.reject(new RangeError('no backups here'));
const serving = new Serving({ node, incarnation, journal, facts, watchdogAlive: () => true, fill, log });
const points = new Points({ serving, journal, facts });

const orders = {
  serve: (order) => serving.order({ ...order, nodeIncarnation: incarnation }),
  freeze: (order) => points.order(order),
  over: ({ taskId }) => points.over(taskId),
  leave: async () => {
    const [held] = serving.held();
    if (held) await serving.recall(held.order);
    process.exit(0);
  },
};
process.on('message', ({ name, order }) => orders[name](order));
process.on('disconnect', () => process.exit(0));
process.send({ type: 'ready', data: {} });
