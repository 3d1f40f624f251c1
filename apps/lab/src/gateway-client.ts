import { randomUUID } from 'node:crypto';
import { RequestRefused } from './errors';

/** The parts of the gateway's answers that the lab reads. */
export interface SystemView {
  systemId: string;
  clusterId: string;
  nodeId: string | null;
  epoch: number | null;
  exports: { volumeId: string; uri: string }[];
  serving: { state: string };
}

/** Background work: `serve` tasks are listed only when asked for. */
export interface TaskView {
  taskId: string;
  nodeId: string | null;
  state: string;
}

export interface NodeView {
  nodeId: string;
  clusterId: string;
  status: string;
  /** Since its last heartbeat; null before the first. */
  silentMs: number | null;
  placement: { state: string };
  drain: object | null;
  maintenance: { until: string } | null;
}

export interface ClusterView {
  clusterId: string;
  /** What forbids every verdict and move there. */
  heldBy: string | null;
}

interface Operation {
  id: string;
  state: string;
  reason?: { code: string; text?: string } | null;
}

const TIMEOUT_MS = 35_000;

/** The gateway as any program uses it: the lab has no other way in. */
export class GatewayClient {
  constructor(
    readonly url: string,
    private readonly token: string,
  ) {}

  async list<T>(kind: string): Promise<T[]> {
    return ((await this.call('GET', `/v1/${kind}?limit=500`)) as { items: T[] }).items;
  }

  /** Asks, then waits until the operation has ended well. */
  async perform(path: string, body: object): Promise<void> {
    const { operation } = (await this.call('POST', path, body)) as { operation: Operation };
    const ended = (await this.call('GET', `/v1/operations/${operation.id}?wait=30`)) as Operation;
    if (ended.state !== 'succeeded')
      throw new RequestRefused(200, ended.reason?.code ?? ended.state, ended.reason?.text ?? `${path} ${ended.state}`);
  }

  private async call(method: 'GET' | 'POST', path: string, body?: object): Promise<unknown> {
    const headers: Record<string, string> = { authorization: `Bearer ${this.token}` };
    if (body) Object.assign(headers, { 'content-type': 'application/json', 'idempotency-key': randomUUID() });
    const response = await fetch(this.url + path, {
      method,
      headers,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const answer = (await response.json()) as { code?: string; detail?: string; title?: string };
    if (!response.ok)
      throw new RequestRefused(response.status, answer.code ?? 'UNKNOWN', answer.detail ?? answer.title ?? '');
    return answer;
  }
}
