import fc from 'fast-check';
import { murmur2, partitionOf } from './murmur2';
// The package's own implementation, against which every other client was checked.
const theirs = require('kafkajs/src/producer/partitioners/default/murmur2') as (key: Buffer) => number;

it('hashes every key as Kafka does', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (key) => murmur2(Buffer.from(key)) === theirs(Buffer.from(key))),
  );
});

it.each([
  ['alpha', 4, 0],
  ['beta', 4, 0],
  ['gamma', 4, 2],
  ['fleet', 12, 0],
])('keeps %s of %i partitions on %i', (key, partitions, partition) => {
  expect(partitionOf(key, partitions)).toBe(partition);
});
