import { appendFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SeenSpan {
  service: string;
  name: string;
  /** OTLP's number: 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  kind: number;
  traceId: string;
  spanId: string;
  parentSpanId: string | undefined;
  links: { traceId: string; spanId: string }[];
  attributes: Record<string, unknown>;
  failed: boolean;
}

export interface OtlpSink {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  endpoint: string;
  spans(): readonly SeenSpan[];
  /** The first span that the predicate accepts, seen already or yet to come. */
  waitFor(predicate: (span: SeenSpan) => boolean, timeoutMs?: number): Promise<SeenSpan>;
  stop(): Promise<void>;
}

/**
 * A collector for specs: takes OTLP over HTTP as JSON and keeps the spans in the order they came. Into a file, a span a
 * line, where another process reads them.
 */
export async function otlpSink({ file }: { file?: string } = {}): Promise<OtlpSink> {
  const seen: SeenSpan[] = [];
  const waiting = new Set<() => void>();
  const keep = (spans: readonly SeenSpan[]) =>
    file === undefined
      ? seen.push(...spans)
      : appendFileSync(file, spans.map((span) => `${JSON.stringify(span)}\n`).join(''));
  const server = createServer(async (request, answer) => {
    const body = await bodyOf(request).catch(() => undefined);
    // A sender that was killed half way: what it would have said is lost with it.
    if (body === undefined) return void answer.writeHead(400).end();
    keep(spansOf(body));
    answer.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    for (const look of [...waiting]) look();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans: () => seen,
    waitFor: (predicate, timeoutMs = 10_000) =>
      new Promise((resolve, reject) => {
        const end = () => {
          clearTimeout(timer);
          waiting.delete(look);
        };
        const timer = setTimeout(() => {
          end();
          reject(new Error(`no such span; seen: ${seen.map(({ name }) => name).join(', ') || 'none'}`));
        }, timeoutMs);
        const look = () => {
          const found = seen.find(predicate);
          if (found === undefined) return;
          end();
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Attribute {
  key: string;
  value: { stringValue?: string; intValue?: number | string; doubleValue?: number; boolValue?: boolean };
}

interface OtlpSpan {
  name: string;
  kind: number;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  links?: { traceId: string; spanId: string }[];
  attributes?: Attribute[];
  status?: { code?: number };
}

interface OtlpBody {
  resourceSpans?: { resource?: { attributes?: Attribute[] }; scopeSpans?: { spans?: OtlpSpan[] }[] }[];
}

async function bodyOf(request: IncomingMessage): Promise<OtlpBody> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString('utf8')) as OtlpBody;
}

function spansOf({ resourceSpans = [] }: OtlpBody): SeenSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans = [] }) => {
    const service = String(valuesOf(resource?.attributes)['service.name']);
    return scopeSpans.flatMap(({ spans = [] }) => spans.map((span) => seenSpan(service, span)));
  });
}

function seenSpan(service: string, span: OtlpSpan): SeenSpan {
  return {
    service,
    name: span.name,
    kind: span.kind,
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId || undefined,
    links: (span.links ?? []).map(({ traceId, spanId }) => ({ traceId, spanId })),
    attributes: valuesOf(span.attributes),
    failed: span.status?.code === 2,
  };
}

function valuesOf(attributes: Attribute[] = []): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ??
        value.doubleValue ??
        value.boolValue ??
        (value.intValue === undefined ? null : Number(value.intValue)),
    ]),
  );
}
