import { writeFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { metricsText } from './metrics';

/** What must hold for a process to be of use. It answers; it never throws for an ordinary "no". */
export type Check = () => Promise<{ ok: boolean; detail?: string }>;

export interface CheckResult {
  name: string;
  ok: boolean;
  detail?: string;
}

export interface AdminOptions {
  port: number;
  bind?: string;
  /** Where the port is told, for whoever asked for port 0. */
  portFile?: string | undefined;
  checks: Readonly<Record<string, Check>>;
  /** A process' own sign of life beside its turning event loop. */
  live?: () => boolean;
}

const CHECK_TIMEOUT_MS = 1_000;
const LOOP_STALLED_MS = 5_000;

/** `/startupz`, `/livez`, `/readyz` and `/metrics`, for supervisors and Prometheus. */
export class AdminServer {
  #draining = false;
  #started = false;
  #lastTurn = performance.now();
  readonly #turns = setInterval(() => (this.#lastTurn = performance.now()), 1_000).unref();

  private constructor(
    private readonly server: Server,
    private readonly options: AdminOptions,
  ) {}

  static async start(options: AdminOptions): Promise<AdminServer> {
    const server = createServer();
    const admin = new AdminServer(server, options);
    server.on('request', ({ url }, answer) => void admin.#answer(url ?? '/', answer));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(options.port, options.bind ?? '127.0.0.1', resolve);
    });
    if (options.portFile) writeFileSync(options.portFile, String(admin.port));
    return admin;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** All checks at once. One that throws or takes longer than a second has failed. */
  async check(): Promise<CheckResult[]> {
    const results = await Promise.all(Object.entries(this.options.checks).map(([name, check]) => run(name, check)));
    if (results.every(({ ok }) => ok)) this.#started = true;
    return results;
  }

  /** The process is about to stop: it reads unready from now on. */
  drain(): void {
    this.#draining = true;
  }

  async stop(): Promise<void> {
    clearInterval(this.#turns);
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  async #answer(url: string, answer: ServerResponse): Promise<void> {
    if (url === '/livez') return sendJson(answer, this.#alive(), {});
    if (url === '/metrics')
      return void answer.setHeader('content-type', 'text/plain; version=0.0.4').end(await metricsText());
    if (url !== '/readyz' && url !== '/startupz') return void answer.writeHead(404).end();
    const checks = await this.check();
    const ready = checks.every(({ ok }) => ok) && !this.#draining;
    sendJson(answer, url === '/readyz' ? ready : this.#started, { draining: this.#draining, checks });
  }

  #alive(): boolean {
    return performance.now() - this.#lastTurn < LOOP_STALLED_MS && (this.options.live?.() ?? true);
  }
}

async function run(name: string, check: Check): Promise<CheckResult> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<{ ok: boolean; detail: string }>((resolve) => {
    timer = setTimeout(() => resolve({ ok: false, detail: `no answer in ${CHECK_TIMEOUT_MS} ms` }), CHECK_TIMEOUT_MS);
  });
  try {
    return { name, ...(await Promise.race([check(), late])) };
  } catch (error) {
    return { name, ok: false, detail: error instanceof Error ? error.message : String(error) };
  } finally {
    clearTimeout(timer);
  }
}

function sendJson(answer: ServerResponse, ok: boolean, body: object): void {
  answer.writeHead(ok ? 200 : 503, { 'content-type': 'application/json' }).end(JSON.stringify({ ok, ...body }));
}
