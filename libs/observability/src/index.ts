export { startObservability, type Telemetry } from './telemetry';
export {
  inSpan,
  currentTraceparent,
  currentTraceId,
  describeSpan,
  storyAttributes,
  type SpanOptions,
  type Story,
} from './tracing';
export { logger, nestLogger } from './logger';
export { counter, gauge, histogram, onScrape, metricsText } from './metrics';
export { runService, type RunningService } from './run-service';
export { AdminServer, type AdminOptions, type Check, type CheckResult } from './admin-server';
export { loadConfig, readConfig, secret, ConfigInvalid } from './config';
export { knownVariables, isKnown, nearestKnown, type KnownVariable } from './known-variables';
export { Secret, SecretExposed } from './secret';
