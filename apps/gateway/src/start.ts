import { startObservability } from '@holdfast/observability';

/** Imported first: the tracer precedes the first span. */
export const telemetry = startObservability({ service: 'gateway' });
