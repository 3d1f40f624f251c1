import type { IncomingMessage } from 'node:http';
import { BODY_LIMIT_BYTES } from './body';
import { Problem } from './problem';

const BODY_TIMEOUT_MS = 5_000;

/** The body as text, unless it is too large or comes too slowly. */
export async function readBody(request: IncomingMessage): Promise<string> {
  const length = Number(request.headers['content-length'] ?? 0);
  if (length > BODY_LIMIT_BYTES) throw new Problem('TOO_LARGE', `${length} bytes, the limit is ${BODY_LIMIT_BYTES}`);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const tooSlow = () => reject(new Problem('TOO_SLOW', `not whole after ${BODY_TIMEOUT_MS / 1000} s`));
    timer = setTimeout(tooSlow, BODY_TIMEOUT_MS);
  });
  try {
    const text = await Promise.race([collect(request), late]);
    const type = request.headers['content-type'] ?? '';
    if (text !== '' && !/^application\/([\w.]+\+)?json\b/i.test(type))
      throw new Problem('UNSUPPORTED_MEDIA_TYPE', type ? `${type} is not JSON` : 'the body has no content type');
    return text;
  } finally {
    clearTimeout(timer);
  }
}

async function collect(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_LIMIT_BYTES) throw new Problem('TOO_LARGE', `more than ${BODY_LIMIT_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
