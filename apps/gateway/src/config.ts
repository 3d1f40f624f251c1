import { eventLogVariables } from '@holdfast/messaging';
import { secret } from '@holdfast/observability';
import { z } from 'zod';

const port = z.coerce.number().int().min(0).max(65_535);

/** What can be set from outside. Going outside of this host is a decision: the default binds to loopback. */
export const config = z.object({
  HOLDFAST_DATABASE_URL: secret,
  ...eventLogVariables,
  HOLDFAST_KAFKA_BROKERS: z.string().min(1),
  HOLDFAST_ADMIN_BIND: z.string().default('127.0.0.1'),
  HOLDFAST_ADMIN_PORT: port.default(0),
  HOLDFAST_ADMIN_PORT_FILE: z.string().optional(),
  HOLDFAST_GATEWAY_BIND: z.string().default('127.0.0.1'),
  HOLDFAST_GATEWAY_PORT: port.default(7480),
  HOLDFAST_GATEWAY_PORT_FILE: z.string().optional(),
  HOLDFAST_GATEWAY_ADMIN_TOKEN: secret.optional(),
  HOLDFAST_GATEWAY_BODY_LIMIT_BYTES: z.coerce
    .number()
    .int()
    .positive()
    .default(256 * 1024),
  HOLDFAST_GATEWAY_REQUEST_TIMEOUT_MS: z.coerce.number().positive().default(5_000),
  HOLDFAST_HEALTH_ALPHA_MS: z.coerce.number().positive().default(4_000),
  HOLDFAST_REQUEST_UNANSWERED_SEC: z.coerce.number().positive().default(30),
  HOLDFAST_OUTBOX_LIMIT_EVENTS: z.coerce.number().int().positive().default(10_000),
  HOLDFAST_STREAM_SAMPLES_PER_SEC: z.coerce.number().positive().default(4),
});
export type Config = z.infer<typeof config>;
