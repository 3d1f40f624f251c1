import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { run } from './program';
import type { World } from './world';

/** What a request is answered with: a body, a status with a body, or the text of an event stream. */
export type Answer = object | [status: number, body: object] | string;
type Script = Readonly<Record<string, Answer | ((body: unknown) => Answer)>>;

export interface Heard {
  request: string;
  key: string | undefined;
  token: string | undefined;
  lastEventId: string | undefined;
  body: unknown;
}

export const NOW = Date.parse('2026-03-01T10:45:00.000Z');
const ASK_AS = { position: 5200, at: '2026-03-01T10:44:59.900Z', ageMs: 100 };

/** A list as the gateway answers it. */
export function listOf(items: object[], asOf: object = {}): object {
  return { items, asOf: { ...ASK_AS, ...asOf } };
}

/** A gateway whose every answer is written in the spec: `'GET /v1/nodes'`, the query left out if nobody scripts it. */
export async function scriptedGateway(script: Script) {
  const heard: Heard[] = [];
  const server = createServer(async (request, response) => {
    const body = await bodyOf(request);
    const { method, url = '', headers } = request;
    const key = headers['idempotency-key'] as string | undefined;
    const lastEventId = headers['last-event-id'] as string | undefined;
    heard.push({ request: `${method} ${url}`, key, token: headers.authorization, lastEventId, body });
    const entry = script[`${method} ${url}`] ?? script[`${method} ${url.split('?')[0]}`] ?? notFound(url);
    const answer: Answer = typeof entry === 'function' ? (entry as (body: unknown) => Answer)(body) : entry;
    if (typeof answer === 'string') return response.writeHead(200, { 'content-type': 'text/event-stream' }).end(answer);
    const [status, json] = Array.isArray(answer) ? (answer as [number, object]) : [200, answer];
    return response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    heard,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** An operation of system s9, as the gateway shows it. */
export const operation = (state: string, more: object = {}) => ({
  id: '7d9f0000-0000-4000-8000-000000000001',
  kind: 'SystemRequested',
  subject: 'system/s9',
  state,
  phase: null,
  progress: null,
  reason: null,
  startedAt: '2026-03-01T10:44:58.000Z',
  endedAt: state === 'succeeded' || state === 'refused' ? '2026-03-01T10:44:59.250Z' : null,
  ...more,
});

export interface Outcome {
  code: number;
  out: string;
  err: string;
}

/** One run of the program in a world of this width, at a fixed time. */
export async function runCli(typed: string, world: Partial<World> = {}): Promise<Outcome> {
  let out = '';
  let err = '';
  const code = await run(wordsOf(typed), {
    env: {},
    columns: 100,
    colour: false,
    terminal: false,
    out: (text) => (out += text),
    err: (text) => (err += text),
    now: () => NOW,
    interrupted: new AbortController().signal,
    readInput: async () => '',
    ...world,
  });
  return { code, out, err };
}

/** As a shell splits it: by blanks, but not inside quotes. */
function wordsOf(typed: string): string[] {
  return [...typed.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  return text ? (JSON.parse(text) as unknown) : undefined;
}

function notFound(url: string): Answer {
  const id = url.split('?')[0]?.split('/').at(-1);
  return [
    404,
    { code: 'NOT_FOUND', detail: `no such thing: ${id}`, remedy: 'list what there is', traceId: 'a1'.repeat(16) },
  ];
}
