import type { SeenSpan } from '@holdfast/testing';
import { Fleet } from '../support/fleet';
import { Spans, told } from '../support/story';

const fleet = new Fleet();
const systemId = 'traced';
const taskId = `serve-${systemId}`;
const CORRELATION = 'holdfast.correlation.id';
const LATE_MS = 20_000; // each process sends its spans once a second

/** One request and one failure, followed through every process by their spans alone. */
describe('traces', () => {
  const file = process.env['TEST_SPANS_FILE'] ?? '';
  /** The spans, once the wanted one and all that it rests on have arrived. */
  async function followed(
    what: { effect: number; correlationId: string; steps?: readonly string[] },
    isOrigin: (span: SeenSpan) => boolean,
  ): Promise<{ spans: Spans; way: SeenSpan[]; lost: string[] }> {
    let found: { spans: Spans; way: SeenSpan[]; lost: string[] } | undefined;
    await fleet
      .until(`a way back from effect serve at epoch ${what.effect}`, LATE_MS, async () => {
        const spans = Spans.read(file);
        const wanted = { [CORRELATION]: what.correlationId, 'holdfast.epoch': what.effect };
        const effect = spans.find('effect serve', { 'holdfast.subject.id': `task/${taskId}`, ...wanted });
        if (effect === undefined) return false;
        const way = spans.wayBack(effect, isOrigin);
        const story = spans.with({ [CORRELATION]: what.correlationId });
        const lost = story.filter((span) => spans.wayBack(span, isOrigin).length === 0).map(told);
        found = { spans, way, lost };
        const names = new Set(story.map(told));
        return way.length > 0 && lost.length === 0 && (what.steps ?? []).every((step) => names.has(step));
      })
      .catch((error: unknown) => {
        if (found === undefined) throw error; // else the expectations say what is missing
      });
    return found!;
  }

  beforeAll(async () => {
    expect(file).not.toBe(''); // test/run.mjs keeps a collector for its fleet
    await fleet.clean();
  });
  afterAll(async () => {
    await fleet.clean();
    for (const verb of ['retire', 'delete']) await fleet.perform(`/v1/systems/${systemId}/${verb}`, {});
  });

  it('every span of a request leads back to its POST, from gateway over load-balancer to the effect on a node', async () => {
    const volumes = [{ volumeId: 'v1', sizeBytes: 16 << 20 }];
    const requestId = await fleet.request('/v1/systems', { systemId, clusterId: 'alpha', volumes });
    await fleet.succeeded(requestId);
    const { epoch } = await fleet.system(systemId);

    const steps = [
      'gateway: append',
      'gateway: publish holdfast.requests',
      'load-balancer: decide RegisterSystem',
      'load-balancer: append',
      'load-balancer: publish holdfast.placement',
      'node-agent: publish holdfast.nodes',
      'load-balancer: process TaskTaken',
      'gateway: process TaskStartConfirmed',
    ];
    const isPost = ({ name, attributes }: SeenSpan) =>
      name === 'POST /v1/systems' && attributes['holdfast.request.id'] === requestId;
    const { spans, way, lost } = await followed({ effect: epoch!, correlationId: requestId, steps }, isPost);
    expect(way.map(told).reverse()).toEqual([
      'gateway: POST /v1/systems',
      'load-balancer: process SystemRequested',
      'load-balancer: react to SystemRequested',
      'load-balancer: decide AdmitSystem',
      'node-agent: effect serve',
    ]);
    expect(new Set(way.map(({ attributes }) => attributes[CORRELATION]))).toEqual(new Set([requestId]));
    expect(lost).toEqual([]);

    const names = new Set(spans.with({ [CORRELATION]: requestId }).map(told));
    expect(steps.filter((step) => !names.has(step))).toEqual([]);
    // Each step is of its own kind: server, consumer, producer, client.
    expect(way.at(-1)).toMatchObject({ kind: 2 });
    expect(way.at(-2)).toMatchObject({ kind: 5 });
    expect(spans.find('publish holdfast.requests', { [CORRELATION]: requestId })).toMatchObject({ kind: 4 });
    const qmp = spans.all.find(({ name, traceId }) => name.startsWith('qmp ') && traceId === way[0]!.traceId);
    expect(qmp).toMatchObject({ kind: 3, service: 'node-agent' });
  });

  it('a takeover leads back to the decision that the node is down', async () => {
    const before = await fleet.system(systemId);
    const since = await fleet.position();
    const ofNode = ({ data }: { data: Readonly<Record<string, unknown>> }) => data['nodeId'] === before.nodeId;
    await fleet.lab('kill', `node/${before.nodeId}`);
    const down = await fleet.event('NodeDeclaredDown', { since, match: ofNode });
    await fleet.event('TaskStartConfirmed', { since, match: ({ data }) => data['taskId'] === taskId });
    const { epoch } = await fleet.system(systemId);

    const isDecision = ({ name, service }: SeenSpan) => service === 'health-monitor' && name.startsWith('decide ');
    const correlationId = down.correlationId!;
    const { way, lost } = await followed({ effect: epoch!, correlationId }, isDecision);
    expect(way.map(told).reverse()).toEqual([
      'health-monitor: decide JudgeCluster',
      'load-balancer: process NodeDeclaredDown',
      'load-balancer: react to NodeDeclaredDown',
      'load-balancer: decide CloseNode',
      'node-agent: effect serve',
    ]);
    // The decision is where the story begins: its own first event names it.
    expect(new Set(way.slice(0, -1).map(({ attributes }) => attributes[CORRELATION]))).toEqual(
      new Set([correlationId]),
    );
    expect(lost).toEqual([]);

    await fleet.lab('start', `node/${before.nodeId}`);
    await fleet.event('NodeRecovered', { since, match: ofNode });
  });
});
