import { CloudEvent, Kafka } from 'cloudevents';
import { partitionOf } from './murmur2';
import { decodeRecord, encodeEvent, encodeSample, type OutgoingEvent, type RawRecord, type WireRecord } from './wire';

const PARTITIONS = 4;
const event: OutgoingEvent = {
  stream: 'cluster-health-alpha',
  partitionKey: 'alpha',
  version: 7,
  id: '01930000-0000-7000-8000-000000000007',
  at: '2026-01-02T03:04:05.678901Z',
  type: 'NodeUnwatched',
  schemaVersion: 1,
  dataText: '{"clusterId": "alpha",  "nodeId": "a1"}',
  meta: {
    correlationId: '01930000-0000-7000-8000-000000000001',
    causationId: '01930000-0000-7000-8000-000000000002',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  },
  source: '/services/health-monitor',
};

function received(record: WireRecord, changes: Partial<RawRecord> = {}): RawRecord {
  const headers = Object.entries(record.headers).map(([name, text]) => [name, Buffer.from(text)]);
  return {
    topic: 'holdfast.health',
    partition: partitionOf(record.key, PARTITIONS),
    offset: '41',
    timestamp: '1767323045700',
    key: Buffer.from(record.key),
    value: Buffer.from(record.value),
    headers: Object.fromEntries(headers),
    ...changes,
  };
}

const decode = (raw: RawRecord) => decodeRecord(raw, PARTITIONS);

it('reads back what it wrote, with the place where it stood', () => {
  const { dataText, ...told } = event;
  expect(decode(received(encodeEvent(event)))).toEqual({
    kind: 'event',
    ...told,
    data: JSON.parse(dataText),
    topic: 'holdfast.health',
    partition: partitionOf('alpha', PARTITIONS),
    offset: '41',
    appendedAt: '2026-01-02T03:04:05.700Z',
  });
});

it('sends the data byte for byte as stored', () => {
  expect(encodeEvent(event).value).toBe(event.dataText);
});

it('writes headers that the cloudevents package reads', () => {
  const { key, value, headers } = encodeEvent(event, '00-hop');
  const theirs = Kafka.toEvent({ key, value, headers } as never) as CloudEvent;

  expect(theirs.id).toBe(event.id);
  expect(theirs.type).toBe('NodeUnwatched');
  expect(theirs.source).toBe('/services/health-monitor');
  expect(theirs.subject).toBe('cluster-health-alpha');
  expect(theirs.dataschema).toBe('urn:holdfast:schema:NodeUnwatched:1');
  expect(theirs['streamversion']).toBe('7');
  expect(theirs['partitionkey']).toBe('alpha');
  expect(theirs['traceparent']).toBe(event.meta.traceparent);
  expect(headers['traceparent']).toBe('00-hop');
});

it('reads headers that the cloudevents package writes', () => {
  const { dataText, stream, partitionKey, version, meta, schemaVersion, at, ...attributes } = event;
  const theirs = Kafka.binary(
    new CloudEvent({
      ...attributes,
      time: at,
      subject: stream,
      datacontenttype: 'application/json',
      dataschema: `urn:holdfast:schema:NodeUnwatched:${schemaVersion}`,
      data: JSON.parse(dataText),
      streamversion: String(version),
      partitionkey: partitionKey,
      correlationid: meta.correlationId,
    }),
  );
  const headers = JSON.parse(JSON.stringify(theirs.headers)) as Record<string, string>; // without the undefined ones
  const raw = received({ key: 'alpha', value: JSON.stringify(theirs.value), headers });

  expect(decode(raw)).toMatchObject({ kind: 'event', id: event.id, stream, version: 7, data: JSON.parse(dataText) });
});

const sample = encodeSample({
  id: event.id,
  at: event.at,
  type: 'StreamHeadsObserved',
  schemaVersion: 1,
  data: { topic: 'holdfast.health', partition: 3, heads: [] },
  key: 'heads',
  subject: 'partition/holdfast.health-3',
  source: '/services/health-monitor',
});

it('lets heads stand in any partition', () => {
  expect(decode(received(sample, { partition: 3 }))).toMatchObject({ kind: 'sample', type: 'StreamHeadsObserved' });
  expect(decode(received(sample, { partition: 1 }))).toMatchObject({ kind: 'sample' });
});

describe('is invalid', () => {
  const good = encodeEvent(event);
  const without = (name: string) => {
    const { [name]: _, ...headers } = good.headers;
    return received({ ...good, headers });
  };
  const header = (name: string, text: string) => received({ ...good, headers: { ...good.headers, [name]: text } });

  const many = (n: number) => Object.fromEntries(Array.from({ length: n }, (_, at) => [`x${at}`, '']));

  it.each<[string, RawRecord, string]>([
    ['a record without a key', received(good, { key: null }), 'no key'],
    ['a tombstone', received(good, { value: null }), 'no value'],
    ['a record without headers', received(good, { headers: {} }), 'no ce_specversion'],
    ['an event without correlation', without('ce_correlationid'), 'no ce_correlationid'],
    ['a header that is there twice', received(good, { headers: { ce_specversion: [Buffer.from('1.0')] } }), 'twice'],
    ['a value that is not UTF-8', received(good, { value: Buffer.from([0x7b, 0xff, 0x7d]) }), 'not UTF-8'],
    ['a value that is not JSON', received(good, { value: Buffer.from('{') }), 'not JSON'],
    ['a value that is no object', received(good, { value: Buffer.from('[1]') }), 'not a JSON object'],
    ['a version that is no number', header('ce_streamversion', '0'), 'ce_streamversion'],
    ['a version that no number holds', header('ce_streamversion', '9007199254740992'), 'ce_streamversion'],
    ['an id that is no UUID', header('ce_id', 'seven'), 'ce_id'],
    ['an id of 36 dashes', header('ce_id', '-'.repeat(36)), 'ce_id'],
    ['a correlation that is no UUID', header('ce_correlationid', '-'.repeat(36)), 'ce_correlationid'],
    ['a cause that is no UUID', header('ce_causationid', 'seven'), 'ce_causationid'],
    ['a time that is no instant', header('ce_time', 'yesterday'), 'ce_time'],
    ['a time before the year 1', header('ce_time', '0000-01-01T00:00:00Z'), 'ce_time'],
    ['a timestamp that no calendar has', received(good, { timestamp: '-9223372036854775807' }), 'timestamp'],
    ['a header that is too long', header('ce_traceparent', 'x'.repeat(1_025)), 'ce_traceparent is too long'],
    ['a stream that no index takes', header('ce_subject', `cluster-health-${'x'.repeat(190)}`), 'ce_subject'],
    ['a stream with a space', header('ce_subject', 'cluster-health- '), 'ce_subject'],
    ['a key that is too long', received({ ...good, key: 'x'.repeat(201) }), 'key is too long'],
    ['U+0000 in a header', header('ce_traceparent', 'a\0b'), 'U+0000 in ce_traceparent'],
    ['U+0000 in the key', received(encodeEvent({ ...event, partitionKey: 'a\0' })), 'U+0000'],
    ['U+0000 in the data', received({ ...good, value: '{"a":[{"b":"\\u0000"}]}' }), 'cannot be stored'],
    ['U+0000 in a name in the data', received({ ...good, value: '{"a":{"\\u0000":1}}' }), 'cannot be stored'],
    ['half a character in the data', received({ ...good, value: '{"a":"\\ud800"}' }), 'cannot be stored'],
    ['data without end', received({ ...good, value: `{"a":${'['.repeat(9_999)}${']'.repeat(9_999)}}` }), '64 levels'],
    ['more headers than anybody writes', received(good, { headers: many(65) }), 'too many headers'],
    ['a schema of another type', header('ce_dataschema', 'urn:holdfast:schema:NodeWatched:1'), 'ce_dataschema'],
    ['a partition key beside the record key', header('ce_partitionkey', 'beta'), 'ce_partitionkey'],
    ['a record in another partition than its key’s', received(good, { partition: 3 }), 'partition of its key'],
    ['a stream of another topic', header('ce_subject', 'system-s1'), 'does not live on this topic'],
    ['another service’s word', header('ce_source', '/services/load-balancer'), 'may not speak'],
    ['an event without its stream version', without('ce_streamversion'), 'no ce_streamversion'],
  ])('%s', (_, raw, reason) => {
    expect(decode(raw)).toMatchObject({ kind: 'invalid', offset: '41', reason: expect.stringContaining(reason) });
  });

  it('the journal of another node', () => {
    const forged = encodeEvent({ ...event, stream: `agent-a1-${event.id}`, source: '/nodes/a2' });
    const raw = received(forged, { topic: 'holdfast.nodes' });
    expect(decode(raw)).toMatchObject({ kind: 'invalid', reason: expect.stringContaining('may not speak') });
  });
});
