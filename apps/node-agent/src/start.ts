import { startObservability } from '@holdfast/observability';

/** First of all imports: whatever is loaded later finds the tracer in place. */
export const telemetry = startObservability({ service: 'node-agent', agent: true });
