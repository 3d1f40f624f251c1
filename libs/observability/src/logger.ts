import { trace } from '@opentelemetry/api';
import pino from 'pino';

let service = 'holdfast';

export const levels: readonly string[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];
const asked = process.env['HOLDFAST_LOG_LEVEL'] ?? '';

/** Every line names its service, and the trace and span in which it was written. */
const root = pino(
  {
    // Pino would end the process with a stack; `readConfig` names a level that there is not.
    level: levels.includes(asked) ? asked : 'info',
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    mixin: () => {
      const active = trace.getActiveSpan()?.spanContext();
      return active === undefined ? { service } : { service, traceId: active.traceId, spanId: active.spanId };
    },
  },
  // Synchronous: asynchronous lines reach a pipe out of order when the process ends.
  pino.destination({ dest: 1, sync: true }),
);

/** JSON lines on stdout. `name` is the part of the program that speaks: `relay`, `inbox`. */
export function logger(name?: string): pino.Logger {
  return name === undefined ? root : root.child({ name });
}

/** Loggers may be made before the service has said its name; their lines carry it all the same. */
export function nameService(name: string): void {
  service = name;
}

/** Nest's words through the same logger, for stdout holds JSON lines alone. */
export function nestLogger() {
  const lines = logger('nest');
  const write = (level: 'info' | 'warn' | 'error' | 'debug') => (message: unknown, part?: unknown) =>
    lines[level]({ part }, typeof message === 'string' ? message : JSON.stringify(message));
  return { log: write('info'), warn: write('warn'), error: write('error'), debug: write('debug') };
}
