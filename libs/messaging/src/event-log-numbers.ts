import { z } from 'zod';

const count = z.coerce.number().int().positive();

/** The event log's numbers, as variables of every service: spread into its config, which is then given to the parts. */
export const eventLogVariables = {
  HOLDFAST_RELAY_BATCH_EVENTS: count.max(10_000).default(1_000),
  /** The longest pause of an idle relay, which begins with a tenth of it. */
  HOLDFAST_RELAY_POLL_MS: count.min(10).max(5_000).default(100),
  /** No more than 5 s: a reader that hears nothing for longer takes it for a stall. */
  HOLDFAST_RELAY_HEADS_MS: count.min(100).max(5_000).default(5_000),
  HOLDFAST_INBOX_BATCH_EVENTS: count.max(5_000).default(500),
  HOLDFAST_INBOX_ATTEMPTS: count.max(20).default(5),
};

const schema = z.object(eventLogVariables);
export type EventLogNumbers = z.infer<typeof schema>;
export const defaultNumbers: EventLogNumbers = schema.parse({});
