import type { IncomingMessage } from 'node:http';
import { Problem } from './problem';

export interface BodyLimits {
  readonly bytes: number;
  readonly ms: number;
}

/** The body as text, unless it is too large or comes too slowly. */
export async function readBody(request: IncomingMessage, limits: BodyLimits): Promise<string> {
  const length = Number(request.headers['content-length'] ?? 0);
  if (length > limits.bytes) throw new Problem('TOO_LARGE', `${length} bytes, the limit is ${limits.bytes}`);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Problem('TOO_SLOW', `not whole after ${limits.ms} ms`)), limits.ms);
  });
  try {
    const text = await Promise.race([collect(request, limits.bytes), late]);
    const type = request.headers['content-type'] ?? '';
    if (text !== '' && !/^application\/([\w.]+\+)?json\b/i.test(type))
      throw new Problem('UNSUPPORTED_MEDIA_TYPE', type ? `${type} is not JSON` : 'the body has no content type');
    return text;
  } finally {
    clearTimeout(timer);
  }
}

async function collect(request: IncomingMessage, limitBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limitBytes) throw new Problem('TOO_LARGE', `more than ${limitBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
