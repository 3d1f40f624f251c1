import { readFileSync } from 'node:fs';
import { readContexts } from './contexts';
import { usage } from './failure';
import type { World } from './world';

/** The options that every verb takes. */
export interface CommonOptions {
  output: 'table' | 'wide' | 'json' | 'name';
  url?: string;
  context?: string;
  showRequest?: boolean;
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
  const url = options.url ?? (options.context ? undefined : world.env['HOLDFAST_URL']) ?? context?.url ?? LOCAL;
  return { url: url.replace(/\/+$/, ''), token: tokenOf(world, options, context?.token) };
}

function tokenOf({ env }: World, options: CommonOptions, ofContext: string | undefined): string | undefined {
  if (options.context) return ofContext;
  if (env['HOLDFAST_TOKEN']) return env['HOLDFAST_TOKEN'];
  const file = env['HOLDFAST_TOKEN_FILE'];
  if (!file) return ofContext;
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
