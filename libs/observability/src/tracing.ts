import { context, type Attributes, type Link, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { parseTraceParent } from '@opentelemetry/core';
import { FleetError } from '@holdfast/kernel';

export interface SpanOptions {
  kind?: 'internal' | 'server' | 'client' | 'producer' | 'consumer';
  attributes?: Attributes;
  /** The traceparent of a span in another process. Without it, the active span is the parent. */
  parent?: string | undefined;
  /** Begins a trace of its own, whatever is active: the next step of a story that `links` join to the one before. */
  root?: boolean;
  /** Traceparents of what led here. Ones that cannot be read are left out: a trace is help, never a condition. */
  links?: readonly (string | undefined)[];
}

const kinds = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
};

/** Runs the work as one span. Its failure is the span's failure, and is thrown on. */
export function inSpan<T>(name: string, options: SpanOptions, work: (span: Span) => T | Promise<T>): Promise<T> {
  const { kind = 'internal', attributes = {}, parent, root = false, links = [] } = options;
  const settings = { kind: kinds[kind], attributes, root, links: links.flatMap(linkTo) };
  return trace.getTracer('holdfast').startActiveSpan(name, settings, contextOf(parent), async (span) => {
    try {
      return await work(span);
    } catch (error) {
      markFailed(span, error);
      throw error;
    } finally {
      span.end();
    }
  });
}

/** The active span in the form that travels with events: `00-<trace>-<span>-01`. */
export function currentTraceparent(): string | undefined {
  const active = trace.getActiveSpan()?.spanContext();
  if (active === undefined) return undefined;
  return `00-${active.traceId}-${active.spanId}-${active.traceFlags.toString(16).padStart(2, '0')}`;
}

/** More about the active span, where it is learnt only on the way. */
export function describeSpan(attributes: Attributes): void {
  trace.getActiveSpan()?.setAttributes(attributes);
}

export interface Story {
  correlationId?: string | undefined;
  causationId?: string | undefined;
  /** As `kind/id`; a cluster among them is told apart. */
  subjects?: readonly string[];
}

/** What each span says of the story it belongs to, under the same names everywhere. */
export function storyAttributes({ correlationId, causationId, subjects = [] }: Story): Attributes {
  const cluster = subjects.find((subject) => subject.startsWith('cluster/'));
  const subject = subjects.find((one) => one !== cluster) ?? cluster;
  return {
    ...(cluster !== undefined && { 'holdfast.cluster.id': cluster.slice('cluster/'.length) }),
    ...(subject !== undefined && { 'holdfast.subject.id': subject }),
    ...(correlationId !== undefined && { 'holdfast.correlation.id': correlationId }),
    ...(causationId !== undefined && { 'holdfast.causation.id': causationId }),
  };
}

export function currentTraceId(): string | undefined {
  return trace.getActiveSpan()?.spanContext().traceId;
}

function contextOf(parent: string | undefined) {
  const remote = parent === undefined ? null : parseTraceParent(parent);
  return remote === null ? context.active() : trace.setSpanContext(context.active(), { ...remote, isRemote: true });
}

function linkTo(traceparent: string | undefined): Link[] {
  const remote = traceparent === undefined ? null : parseTraceParent(traceparent);
  return remote === null ? [] : [{ context: { ...remote, isRemote: true } }];
}

function markFailed(span: Span, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  span.setStatus({ code: SpanStatusCode.ERROR, message });
  if (error instanceof FleetError) span.setAttribute('holdfast.error.code', error.code);
  else if (error instanceof Error) span.recordException(error);
}
