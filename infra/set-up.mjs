// The set-up job of docker-compose.yml: the store's roles and schema, and the topics, before anything of ours starts.
// Running it again changes nothing.
import { setUpStore } from '@holdfast/event-store';
import { ensureTopics } from '@holdfast/messaging';

const {
  HOLDFAST_DATABASE_URL: url,
  HOLDFAST_KAFKA_BROKERS: brokers,
  HOLDFAST_PARTITIONS: partitions = '12',
} = process.env;
if (!url || !brokers) {
  console.error('HOLDFAST_DATABASE_URL and HOLDFAST_KAFKA_BROKERS say what is to be set up');
  process.exit(2);
}
await Promise.all([setUpStore({ url }), ensureTopics(brokers.split(','), { partitions: Number(partitions) })]);
console.log(JSON.stringify({ msg: 'store and topics are set up', partitions: Number(partitions) }));
process.exit(0);
