import type { WrongBlock } from './ledger';

/** What a client says on its standard output, one JSON object a line. */
export type ClientLine =
  | ({ type: 'tally'; system: string; connected: boolean; silentMs: number } & Tally)
  | ({ type: 'wrong'; system: string } & WrongBlock)
  | { type: 'gap'; system: string; volume: string; ms: number };

/** Since the client began. */
export interface Tally {
  /** Acknowledged writes; blocks read back and right; blocks wrong: one is one too many. */
  ok: number;
  checked: number;
  wrong: number;
  /** Connections that were lost and made anew. */
  reconnects: number;
  /** Times without an acknowledged write, and the longest of them: a busy machine has some too. */
  gaps: number;
  longestGapMs: number;
}

export interface NbdPlace {
  host: string;
  port: number;
  exportName: string;
}

export function parseNbdUri(uri: string): NbdPlace {
  const { hostname, port, pathname } = new URL(uri);
  return { host: hostname, port: Number(port || 10_809), exportName: decodeURIComponent(pathname.slice(1)) };
}
