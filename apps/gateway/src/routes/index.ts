import { z } from 'zod';
import { actRoutes } from './act.routes';
import { readRoutes } from './read.routes';
import type { Route, StreamRoute } from './route';
import { workRoutes } from './work.routes';

const liveRoute: StreamRoute = {
  method: 'get',
  path: '/v1/stream',
  summary: 'The feed as it grows (SSE): `id` is the position, `Last-Event-ID` resumes; samples come without an id',
  role: 'viewer',
  params: z.strictObject({}),
  query: z.strictObject({
    /** Contexts or topic names, with commas: `health,holdfast.placement`; `samples` among them only when named. */
    topics: z.string().max(300).optional(),
    subject: z.string().max(250).optional(),
    since: z.coerce.number().int().min(0).optional(),
  }),
  stream: true,
};

/** The whole API. */
export const routes: readonly Route[] = [...readRoutes, ...actRoutes, ...workRoutes, liveRoute];
