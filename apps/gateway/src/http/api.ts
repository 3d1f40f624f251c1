import {
  counter,
  currentTraceId,
  describeSpan,
  histogram,
  inSpan,
  logger,
  storyAttributes,
} from '@holdfast/observability';
import type { Express, Request, Response } from 'express';
import { randomBytes } from 'node:crypto';
import type { Access } from '../access/access';
import type { Requests } from '../requests/requests';
import type { ActQuery, ActRoute, Call, ReadRoute, Route } from '../routes/route';
import type { LiveStreams } from '../stream/live-streams';
import { operationView } from '../views/operation.view';
import type { Views } from '../views/views';
import { parseCall } from './parse';
import { Problem, problemBody, problemOf } from './problem';
import { readBody, type BodyLimits } from './read-body';

export interface Serving {
  readonly access: Access;
  readonly requests: Requests;
  readonly views: Views;
  readonly live: LiveStreams;
  readonly body: BodyLimits;
}

const WAIT_LIMIT_SEC = 30;
const log = logger('http');
const httpSeconds = () =>
  histogram('http_request_seconds', 'From a request to its answer', ['method', 'route', 'status']);

/** Turns route entries into handlers. What is the same for all is here; what is special is in the entry. */
export class Api {
  constructor(private readonly serving: Serving) {}

  mount(express: Express, routes: readonly Route[]): void {
    for (const route of routes)
      express[route.method](route.path, (request, response) => void this.answer(route, request, response));
    for (const path of new Set(routes.map((route) => route.path))) {
      const allowed = routes.filter((route) => route.path === path).map(({ method }) => method.toUpperCase());
      express.all(path, (request, response) => {
        response.setHeader('allow', allowed.join(', '));
        const problem = new Problem(
          'METHOD_NOT_ALLOWED',
          `${request.method} ${request.path}: use ${allowed.join(', ')}`,
        );
        sendProblem(response, problem);
      });
    }
    express.use('/v1', (request: Request, response: Response) =>
      sendProblem(
        response,
        new Problem('NOT_FOUND', `no route ${request.method} ${request.originalUrl.split('?')[0]}`),
      ),
    );
  }

  private answer(route: Route, request: Request, response: Response): Promise<void> {
    const end = httpSeconds().startTimer({ method: request.method, route: route.path });
    response.once('close', () => end({ status: String(response.statusCode) }));
    const name = `${request.method} ${route.path}`;
    const parent = request.get('traceparent');
    return inSpan(name, { kind: 'server', ...(parent && { parent }) }, async (span) => {
      try {
        const actor = this.serving.access.admit(request.get('authorization'), route.role);
        span.setAttribute('holdfast.role', actor.role);
        const body = route.method === 'post' ? await readBody(request, this.serving.body) : '';
        const { searchParams } = new URL(request.originalUrl, 'http://gateway');
        const parsed = parseCall(route, { params: request.params, search: searchParams, body });
        const call: Call = { ...parsed, actor, gone: goneSignal(response) };
        if ('stream' in route)
          await this.serving.live.serve(call, { lastEventId: request.get('last-event-id'), response });
        else if (route.method === 'get') await this.read(route, call, response);
        else await this.act(route, call, { request, response });
      } catch (error) {
        fail(response, error);
      }
    });
  }

  private async read(route: ReadRoute, call: Call, response: Response): Promise<void> {
    response.setHeader('cache-control', 'no-store');
    response.json(await route.read(call as Call<never, never>, this.serving.views));
  }

  private async act(route: ActRoute, call: Call, { request, response }: { request: Request; response: Response }) {
    const accepted = await this.serving.requests.submit(route, call as Call<unknown, ActQuery>, keyOf(request));
    const { requestId, operation, ...token } = accepted;
    const story = storyAttributes({ correlationId: requestId, subjects: [operation.subject] });
    describeSpan({ ...story, 'holdfast.request.id': requestId });
    response.setHeader('location', `/v1/operations/${requestId}`);
    const sec = waitOf(request.get('prefer'));
    const waited = sec > 0 ? await this.serving.views.ended(requestId, { sec, gone: call.gone }) : undefined;
    const inTime = waited?.endedAt != null;
    response
      .status(inTime ? 200 : 202)
      .json({ operation: inTime ? waited : operationView(operation, Date.now()), ...token });
  }
}

function keyOf(request: Request): string | undefined {
  const key = request.get('idempotency-key');
  if (key === undefined) return undefined;
  if (!/^[\x21-\x7e]{1,255}$/.test(key))
    throw new Problem('INVALID_REQUEST', 'Idempotency-Key: 1 to 255 printable characters', {
      more: { errors: [{ pointer: '/Idempotency-Key', message: '1 to 255 printable characters' }] },
    });
  return key;
}

/** `Prefer: wait=5` (RFC 7240). */
function waitOf(prefer: string | undefined): number {
  const wanted = Number(/(?:^|[,;\s])wait=(\d+)/.exec(prefer ?? '')?.[1] ?? 0);
  return Math.min(wanted, WAIT_LIMIT_SEC);
}

function goneSignal(response: Response): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => controller.abort());
  return controller.signal;
}

function fail(response: Response, error: unknown): void {
  const problem = problemOf(error, response.req.method === 'GET' ? 'to read' : 'to act');
  if (problem.code === 'INTERNAL') log.error({ err: error }, 'request failed');
  else if (problem.status >= 500) log.warn({ code: problem.code, detail: problem.message }, 'request turned away');
  if (!response.headersSent) return sendProblem(response, problem);
  response.destroy();
}

export function sendProblem(response: Response, problem: Problem): void {
  counter('http_problems_total', 'Answers that are no success', ['code']).inc({ code: problem.code });
  const { retryAfterSec, more } = problem;
  const requestId = typeof more.requestId === 'string' ? more.requestId : undefined;
  if (retryAfterSec !== undefined) response.setHeader('retry-after', String(retryAfterSec));
  if (problem.code === 'UNAUTHENTICATED') response.setHeader('www-authenticate', 'Bearer');
  // A body that was not read would be taken for the next request.
  if (problem.status === 413 || problem.status === 408) response.setHeader('connection', 'close');
  const traceId = currentTraceId() ?? randomBytes(16).toString('hex');
  response
    .status(problem.status)
    .type('application/problem+json')
    .send(JSON.stringify(problemBody(problem, { traceId, requestId })));
}
