import type { Row } from './api';
import { exit, Failure } from './failure';
import type { Session } from './session';
import { pause } from './world';

const AGAIN_AFTER_MS = 1_000;

interface Message {
  id?: string;
  event?: string;
  data: string;
}

/** The gateway's live events, from after a position on. A broken connection goes on where it stopped. */
export async function* followEvents(session: Session, path: string, after: string | undefined): AsyncGenerator<Row> {
  const { world } = session;
  let position = after;
  let state: 'new' | 'open' | 'broken' = 'new';
  while (!world.interrupted.aborted) {
    try {
      const response = await session.api.stream(path, position);
      state = 'open';
      for await (const message of messagesOf(response)) {
        // The feed is another one now: its positions mean nothing to us.
        if (message.event === 'reset') position = undefined;
        // Samples have no id: they are no events.
        if (message.id === undefined) continue;
        position = message.id;
        yield JSON.parse(message.data) as Row;
      }
    } catch (error) {
      if (world.interrupted.aborted) return;
      if (state === 'new' || (error instanceof Failure && error.exitCode !== exit.unreachable)) throw error;
      if (state === 'open') session.note('warning: the connection broke; going on where it stopped');
      state = 'broken';
    }
    await pause(world, AGAIN_AFTER_MS);
  }
}

/** Server-sent events: fields by line, a message by blank line, comments begin with a colon. */
async function* messagesOf({ body }: Response): AsyncGenerator<Message> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body ?? []) {
    const blocks = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split(/\r?\n\r?\n/);
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const message = messageOf(block);
      if (message !== undefined) yield message;
    }
  }
}

function messageOf(block: string): Message | undefined {
  const message: Message = { data: '' };
  for (const line of block.split(/\r?\n/)) {
    const [, field, value = ''] = /^(id|event|data): ?(.*)$/.exec(line) ?? [];
    if (field === 'data') message.data += (message.data ? '\n' : '') + value;
    else if (field === 'id' || field === 'event') message[field] = value;
  }
  return message.data || message.event ? message : undefined;
}
