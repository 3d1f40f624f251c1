import { listOf, NOW, operation, runCli, scriptedGateway, type Answer } from './scripted-gateway';

const refusal = { code: 'NOT_FROZEN', text: 'alpha is not frozen', remedy: 'nothing is to be lifted' };

let gateway: Awaited<ReturnType<typeof scriptedGateway>>;
const given = async (script: Record<string, Answer | ((body: unknown) => Answer)>) => {
  gateway = await scriptedGateway(script);
};
afterEach(() => gateway.stop());
const cli = (typed: string, world = {}) => runCli(`${typed} --url ${gateway.url}`, world);

describe('wait', () => {
  it('ends when the state is reached, and takes what is not there yet as not yet', async () => {
    let looks = 0;
    await given({
      'GET /v1/systems': listOf([]),
      'GET /v1/systems/s9': () =>
        ++looks < 2
          ? [404, { code: 'NOT_FOUND' }]
          : { systemId: 's9', serving: { state: looks < 3 ? 'creating' : 'served' } },
    });
    expect(await cli('wait system/s9 --for served')).toEqual({ code: 0, out: 'system/s9 served\n', err: '' });
  });

  it('exits 7 when it takes too long', async () => {
    await given({ 'GET /v1/nodes/n1': { nodeId: 'n1', status: 'down' } });
    const { code, err } = await cli('wait node/n1 --for healthy --timeout 0s');
    expect(code).toBe(7);
    expect(err).toContain('node/n1 is down after 0 ms, not healthy');
  });

  it('exits 3 at once when the operation has ended otherwise', async () => {
    await given({ 'GET /v1/operations/7d': operation('refused', { reason: refusal }) });
    expect((await cli('wait operation/7d --for succeeded')).code).toBe(3);
  });

  it('for a state that its kind never has is wrong usage, and names those it has', async () => {
    await given({});
    const { code, err } = await cli('wait node/n1 --for bogus');
    expect(code).toBe(2);
    expect(err).toContain('a node is never bogus');
    expect(err).toContain('one of joining, healthy,');
  });

  it('for what is not there, and does not come, exits 8', async () => {
    await given({ 'GET /v1/systems': listOf([]) });
    let now = NOW;
    const { code, err } = await cli('wait system/nope --for served --timeout 60s', { now: () => (now += 2_000) });
    expect(code).toBe(8);
    expect(err).toContain('error     NOT_FOUND');
  });

  it.each([
    ['drained', { status: 'healthy', drain: { state: 'drained', left: [] } }],
    ['healthy', { status: 'healthy', drain: { state: 'drained', left: [] } }],
    ['maintenance', { status: 'healthy', maintenance: { until: '2026-03-01T12:45:00Z' } }],
  ])('for a node that is %s looks at its drain and its maintenance too', async (state, node) => {
    await given({ 'GET /v1/nodes/n1': { nodeId: 'n1', ...node } });
    expect((await cli(`wait node/n1 --for ${state} --timeout 0s`)).code).toBe(0);
  });

  it.each(['cancelled', 'parked'])('exits 3 at once when the task is %s instead', async (state) => {
    await given({ 'GET /v1/tasks/t-1': { taskId: 't-1', state, reason: 'MEDIUM_READ' } });
    const { code, err } = await cli('wait task/t-1 --for completed');
    expect(code).toBe(3);
    expect(err).toContain(`task/t-1 is ${state}, not completed: MEDIUM_READ`);
  });

  it('for what shall be gone ends when it is', async () => {
    await given({ 'GET /v1/systems': listOf([]) });
    expect((await cli('wait system/s9 --for gone')).code).toBe(0);
  });
});
