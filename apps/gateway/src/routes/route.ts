import type { EventContract, Role } from '@holdfast/contracts';
import { z } from 'zod';
import type { Actor } from '../access/tokens';
import type { Known } from '../requests/known';
import type { Views } from '../views/views';

type Shape = z.ZodObject;

/** Any POST may be asked what it would do; those whose contract has no plan say so. */
export const actQuery = z.strictObject({ dryRun: z.stringbool({ truthy: ['true'], falsy: ['false'] }).default(false) });
export type ActQuery = z.infer<typeof actQuery>;

/** A request whose every part is checked. */
export interface Call<P = unknown, Q = unknown, B = unknown> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly actor: Actor;
  /** Fires when the caller has gone. */
  readonly gone: AbortSignal;
}

/** What a request makes of the world: one fact, on one stream. */
export interface Wish {
  readonly data: object;
  /** Where all that follows will be told: the cluster's own partition, else the fleet's. */
  readonly partitionKey: string;
  /** An operator fact has a stream of its own; a wish is told on `request-<requestId>`. */
  readonly stream?: string;
}

interface Common {
  readonly path: `/v1/${string}`;
  readonly summary: string;
  readonly role: Role;
}

/** The controller, its guard and its page in OpenAPI all come from this one entry. */
export interface ReadRoute<P extends Shape = Shape, Q extends Shape = Shape> extends Common {
  readonly method: 'get';
  readonly params: P;
  readonly query: Q;
  readonly answer: z.ZodType;
  /** The fields that a list can be filtered by: `filter[status]=down`, in short `status=down`. */
  readonly filters?: readonly string[];
  read(call: Call<z.infer<P>, z.infer<Q>>, views: Views): Promise<object>;
}

export interface ActRoute<P extends Shape = Shape, B extends Shape = Shape> extends Common {
  readonly method: 'post';
  readonly params: P;
  readonly body: B;
  /** The one event that the request appends. */
  readonly event: EventContract;
  /** A token comes with the answer, once. */
  readonly secret?: true;
  request(call: Call<z.infer<P>, ActQuery, z.infer<B>>, known: Known): Wish | Promise<Wish>;
}

/** Answered for as long as the caller listens. */
export interface StreamRoute extends Common {
  readonly method: 'get';
  readonly params: Shape;
  readonly query: Shape;
  readonly stream: true;
}

export type Route = ReadRoute | ActRoute | StreamRoute;

const nothing = z.strictObject({});
type Nothing = typeof nothing;

export function read<P extends Shape = Nothing, Q extends Shape = Nothing>(
  path: Common['path'],
  route: Omit<ReadRoute<P, Q>, 'method' | 'path' | 'params' | 'query' | 'role'> & {
    params?: P;
    query?: Q;
    role?: Role;
  },
): ReadRoute {
  const whole = { method: 'get', path, role: 'viewer', params: nothing, query: nothing, ...route };
  return whole as unknown as ReadRoute;
}

export function act<P extends Shape = Nothing, B extends Shape = Nothing>(
  path: Common['path'],
  route: Omit<ActRoute<P, B>, 'method' | 'path' | 'params' | 'body'> & { params?: P; body?: B },
): ActRoute {
  return { method: 'post', path, params: nothing, body: nothing, ...route } as unknown as ActRoute;
}
