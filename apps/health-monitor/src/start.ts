import { startObservability } from '@holdfast/observability';

/** Imported first: the tracer stands before anything can want a span. */
export const telemetry = startObservability({ service: 'health-monitor' });
