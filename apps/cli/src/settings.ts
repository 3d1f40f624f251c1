import { readFileSync } from 'node:fs';
import { readContexts } from './contexts';
import { usage } from './failure';
import type { World } from './world';

/** The options that every verb takes; `asOf` only those that show. */
export interface CommonOptions {
  output: 'table' | 'wide' | 'json' | 'name';
  url?: string;
  context?: string;
  showRequest?: boolean;
  asOf?: string;
}

export interface Gateway {
  url: string;
  token: string | undefined;
}

const LOCAL = 'http://127.0.0.1:7480';

/** Flags beat environment beats context file. */
export function gatewayOf(world: World, options: CommonOptions): Gateway {
  const known = readContexts(world);
  const name = options.context ?? known.current;
  const context = name === undefined ? undefined : known.contexts[name];
  if (options.context !== undefined && context === undefined) throw noContext(options.context, known.contexts);
  const given = options.context === undefined ? gatewayGiven(world, options) : { url: options.url, token: undefined };
  const url = bare(given.url ?? context?.url ?? LOCAL);
  // A context's token is for its own gateway: another one, however named, does not get to see it.
  const kept = context !== undefined && url === bare(context.url) ? context.token : undefined;
  return { url, token: given.token ?? kept };
}

/** The gateway that is to become a context: what a context would give it has to be given. */
export function gatewayToKeep(world: World, options: Pick<CommonOptions, 'url'>): Gateway {
  const { url, token } = gatewayGiven(world, options);
  return { url: bare(url ?? LOCAL), token };
}

/** By flags and environment alone; an empty variable counts as absent. */
function gatewayGiven(world: World, { url }: Pick<CommonOptions, 'url'>) {
  return { url: url ?? (world.env['HOLDFAST_URL'] || undefined), token: tokenGiven(world) };
}

const bare = (url: string): string => url.replace(/\/+$/, '');

function tokenGiven({ env }: World): string | undefined {
  if (env['HOLDFAST_TOKEN']) return env['HOLDFAST_TOKEN'];
  const file = env['HOLDFAST_TOKEN_FILE'];
  if (!file) return undefined;
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw usage(`HOLDFAST_TOKEN_FILE: ${(error as Error).message}`, 'name a file that can be read');
  }
}

export function noContext(name: string, known: Readonly<Record<string, unknown>>) {
  const names = Object.keys(known).join(', ') || 'none';
  return usage(`there is no context ${name}; known: ${names}`, 'make it with `holdfast login --name <name>`');
}
