import { randomUUID } from 'node:crypto';
import { exit, Failure, failureOf, interrupted, type ExitCode, type Problem } from './failure';
import type { Gateway } from './settings';
import type { World } from './world';

export type Row = Readonly<Record<string, unknown>>;
export interface AsOf {
  position: number;
  at: string;
  ageMs: number | null;
  /** Projections that stand still: what they tell is older than all the rest. */
  broken?: string[];
}
export interface Page {
  items: Row[];
  asOf: AsOf;
}

const leavesOpen: ReadonlySet<ExitCode> = new Set([exit.unreachable, exit.interrupted]);
const ANSWER_MS = 40_000;
const PAGE_LIMIT = 500;

/** The gateway's REST API. Every failure comes back as what to print and how to exit. */
export class Api {
  constructor(
    private readonly world: World,
    private readonly gateway: Gateway,
    private readonly showRequest: boolean,
  ) {}

  async one(path: string): Promise<Row> {
    return (await this.json('GET', path)) as Row;
  }

  /** All pages as one list; its age is the first page's. */
  async list(path: string, query: Readonly<Record<string, string>> = {}): Promise<Page> {
    const items: Row[] = [];
    let cursor: string | undefined;
    let asOf: AsOf | undefined;
    do {
      const search = new URLSearchParams({ limit: String(PAGE_LIMIT), ...query, ...(cursor ? { cursor } : {}) });
      const page = (await this.json('GET', `${path}?${search}`)) as Page & { cursor?: string | null };
      items.push(...page.items);
      asOf ??= page.asOf;
      cursor = page.cursor ?? undefined;
    } while (cursor !== undefined);
    return { items, asOf };
  }

  /** An answer that never came leaves the outcome open; the same key, sent again, decides it. */
  async post(path: string, body: object, key: string = randomUUID()): Promise<Row> {
    try {
      return (await this.json('POST', path, { body, key })) as Row;
    } catch (error) {
      if (!(error instanceof Failure) || !leavesOpen.has(error.exitCode)) throw error;
      const remedy = `${error.remedy}; then repeat with --idempotency-key ${key}: it is done once at most`;
      throw new Failure({ ...error, message: error.message, remedy });
    }
  }

  /** A live answer: the caller reads the body as it comes. */
  async stream(path: string, lastEventId: string | undefined): Promise<Response> {
    const headers = { accept: 'text/event-stream', ...(lastEventId ? { 'last-event-id': lastEventId } : {}) };
    const response = await this.send('GET', path, { headers, signal: this.world.interrupted });
    if (!response.ok) throw failureOf(response.status, await problemOf(response));
    return response;
  }

  private async json(method: string, path: string, post?: { body: object; key: string }): Promise<unknown> {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (post) Object.assign(headers, { 'content-type': 'application/json', 'idempotency-key': post.key });
    const signal = AbortSignal.any([AbortSignal.timeout(ANSWER_MS), this.world.interrupted]);
    const body = post && JSON.stringify(post.body);
    const response = await this.send(method, path, { headers, signal, ...(body ? { body } : {}) });
    if (!response.ok) throw failureOf(response.status, await problemOf(response));
    const text = await response.text().catch((error: unknown) => {
      throw this.unanswered(`${method} ${path}`, error);
    });
    return JSON.parse(text);
  }

  private async send(method: string, path: string, init: RequestInit & { headers: Record<string, string> }) {
    const { url, token } = this.gateway;
    if (this.showRequest) this.world.err(shown(method, url + path, init));
    if (token) init.headers['authorization'] = `Bearer ${token}`;
    try {
      return await fetch(url + path, { method, ...init });
    } catch (error) {
      throw this.unanswered(`${method} ${path}`, error);
    }
  }

  private unanswered(what: string, error: unknown): Failure {
    return this.world.interrupted.aborted ? interrupted(what) : unreachable(this.gateway.url, error);
  }
}

/** As a line for curl, without the token. */
function shown(method: string, url: string, { headers, body }: RequestInit & { headers: Record<string, string> }) {
  const told = Object.entries(headers).filter(([name]) => name !== 'accept');
  const lines = [`${method} ${url}`, ...told.map(([name, value]) => `${name}: ${value}`)];
  if (typeof body === 'string') lines.push(body);
  return lines.map((line) => `> ${line}\n`).join('');
}

async function problemOf(response: Response): Promise<Problem> {
  const text = await response.text();
  try {
    return JSON.parse(text) as Problem;
  } catch {
    // Something between us and the gateway answered, in its own words.
    return { detail: `${response.url} answered ${response.status}: ${text.slice(0, 200)}` };
  }
}

function unreachable(url: string, error: unknown): Failure {
  const cause = (error as { cause?: { code?: string; message?: string } }).cause;
  const why = cause?.code ?? cause?.message ?? (error as Error).message;
  return new Failure({
    code: 'GATEWAY_UNREACHABLE',
    message: `no answer from ${url} (${why})`,
    remedy: 'start the fleet with `npm start`, or name another gateway with --url or `holdfast context use`',
    exitCode: exit.unreachable,
  });
}
