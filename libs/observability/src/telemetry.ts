import { context, diag, DiagLogLevel, trace } from '@opentelemetry/api';
import type { SpanProcessor } from '@opentelemetry/sdk-trace';
import { setSourceMapsSupport } from 'node:module';
import { logger, nameService } from './logger';
import { labelMetrics } from './metrics';

export interface Telemetry {
  /** Sends what is still here. A dead collector holds the end up for 2 s at most. */
  stop(): Promise<void>;
}

const FLUSH_MS = 2_000;
const EXPORT_EVERY_MS = 1_000;

/**
 * Traces and logs of this process. Call it first, without awaiting: the tracer is in place when the call returns.
 * Spans exist without a collector too, so that logs and problem answers carry trace ids.
 */
export async function startObservability(o: { service: string; agent?: boolean }): Promise<Telemetry> {
  // Packages' own maps cost 28 MB and show nobody's code.
  setSourceMapsSupport?.(true, { nodeModules: false, generatedCode: false });
  nameService(o.service);
  if (!o.agent) labelMetrics(o.service);
  const stop = o.agent ? startTracer(o.service) : startSdk(o.service);
  // After the SDK, which installs a logger of its own that writes plain text.
  speakThroughLogger();
  return { stop: () => withinTime(stop()) };
}

/** Services: the SDK as a whole, with everything that it would find by itself named or switched off. */
function startSdk(service: string): () => Promise<void> {
  // Required here, not above: an agent must not pay its 18 MB.
  // Told a level, the SDK prints plain text to the console before anybody can stop it.
  delete process.env['OTEL_LOG_LEVEL'];
  const { NodeSDK } = require('@opentelemetry/sdk-node') as typeof import('@opentelemetry/sdk-node');
  const sdk = new NodeSDK({
    serviceName: service,
    spanProcessors: spanProcessors(),
    metricReaders: [],
    logRecordProcessors: [],
    instrumentations: [],
    autoDetectResources: false,
  });
  sdk.start();
  return () => sdk.shutdown();
}

/** Agents: the tracer alone. */
function startTracer(service: string): () => Promise<void> {
  const { TracerProvider } = require('@opentelemetry/sdk-trace') as typeof import('@opentelemetry/sdk-trace');
  const { resourceFromAttributes } = require('@opentelemetry/resources') as typeof import('@opentelemetry/resources');
  const { AsyncLocalStorageContextManager } =
    require('@opentelemetry/context-async-hooks') as typeof import('@opentelemetry/context-async-hooks');
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': service }),
    spanProcessors: spanProcessors(),
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(provider);
  return () => provider.shutdown();
}

/** One exporter, by OTLP over HTTP as JSON, or none at all. */
function spanProcessors(): SpanProcessor[] {
  const endpoint = process.env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  const { BatchSpanProcessor, NoopSpanProcessor } =
    require('@opentelemetry/sdk-trace') as typeof import('@opentelemetry/sdk-trace');
  // An empty list would make the SDK leave the tracer out, and the trace ids with it.
  if (!endpoint) return [new NoopSpanProcessor()];
  const { OTLPTraceExporter } =
    require('@opentelemetry/exporter-trace-otlp-http') as typeof import('@opentelemetry/exporter-trace-otlp-http');
  const exporter = new OTLPTraceExporter({ url: new URL('v1/traces', endpoint.replace(/\/*$/, '/')).href });
  return [new BatchSpanProcessor({ exporter, scheduledDelayMillis: EXPORT_EVERY_MS })];
}

function speakThroughLogger(): void {
  const lines = logger('otel');
  const write = (level: 'debug' | 'warn' | 'error') => (message: string) => lines[level](message);
  const diagnostics = {
    error: write('error'),
    warn: write('warn'),
    info: write('debug'),
    debug: write('debug'),
    verbose: write('debug'),
  };
  diag.setLogger(diagnostics, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
}

async function withinTime(stopped: Promise<void>): Promise<void> {
  const late = new Promise<void>((resolve) => setTimeout(resolve, FLUSH_MS).unref());
  const failed = (error: unknown) => logger('otel').warn({ err: error }, 'the last spans were not sent');
  await Promise.race([stopped.catch(failed), late]);
}
