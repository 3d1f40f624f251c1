import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
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
    const unread = text === '' ? undefined : unreadable(request.headers);
    if (unread) throw new Problem('UNSUPPORTED_MEDIA_TYPE', unread);
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

/** Why these bytes are no JSON text in UTF-8. */
export function unreadable(headers: IncomingHttpHeaders): string | undefined {
  const { 'content-type': type, 'content-encoding': encoding = 'identity' } = headers;
  if (!type) return 'the body has no content type';
  if (!/^application\/([\w.]+\+)?json\b/i.test(type)) return `${type} is not JSON`;
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(type)?.[1] ?? 'utf-8';
  if (!/^utf-?8$/i.test(charset)) return `charset ${charset}: JSON is read as UTF-8 alone`;
  return /^identity$/i.test(encoding) ? undefined : `content-encoding ${encoding}: a body is read as it comes`;
}
