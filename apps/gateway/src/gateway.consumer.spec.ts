import type { Tx } from '@holdfast/event-store';
import type { EventHandlers, Inbox, RecordBatch, Samples } from '@holdfast/messaging';
import type { Tokens } from './access/tokens';
import type { Feed } from './feed/feed';
import { GatewayConsumer } from './gateway.consumer';
import type { LatestSamples } from './samples/latest';
import type { LiveStreams } from './stream/live-streams';

it('lets nobody act on an event before it is committed', async () => {
  const did: string[] = [];
  const atCommit: (() => void)[] = [];
  const tx = { onCommit: (listener: () => void) => void atCommit.push(listener) } as unknown as Tx;
  const heard = (handlers: EventHandlers) => handlers['*']!({ type: 'AccessTokenRevoked', data: {} } as never, tx);
  const consumer = new GatewayConsumer(
    { receive: async (_: RecordBatch, handlers: EventHandlers) => void (await heard(handlers)) } as unknown as Inbox,
    {} as Samples,
    { append: async () => void did.push('appended'), wake: () => void did.push('told on') } as unknown as Feed,
    { apply: () => void did.push('token applied') } as unknown as Tokens,
    {} as LatestSamples,
    {} as LiveStreams,
  );
  await consumer.onEvent({} as RecordBatch);
  expect(did).toEqual(['appended']);
  for (const listener of atCommit) listener();
  expect(did).toEqual(['appended', 'token applied', 'told on']);
});
