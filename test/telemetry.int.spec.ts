import { otlpSink, type OtlpSink } from '@holdfast/testing';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const top = join(__dirname, '..');
const bundled = join(top, `node_modules/node-linux-${process.arch}/bin/node`);
const built = join(top, 'libs/observability/dist/index.js');

/** A small process of its own: what a tracer patches and prints shows only there. */
function run(agent: boolean, env: Record<string, string>): Promise<{ code: number | null; stdout: string }> {
  const program = `
    const { startObservability, inSpan, currentTraceparent, logger } = require(${JSON.stringify(built)});
    const telemetry = startObservability({ service: 'spec-service', agent: ${agent} });
    const earlier = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    inSpan('decide StartMigration', { links: [earlier], attributes: { 'holdfast.outcome': 'decided' } }, async () => {
      await inSpan('append', { kind: 'client' }, () => logger('store').info('appended'));
      await inSpan('publish holdfast.migration', { kind: 'producer' }, () => { throw new Error('broker away'); }).catch(() => 0);
      return currentTraceparent();
    })
      .then((from) => inSpan('process MigrationStarted', { kind: 'consumer', parent: from }, () => 0))
      .then(async () => (await telemetry).stop())
      .then(() => logger().info({ sdk: Object.keys(require.cache).some((path) => path.includes('sdk-node')) }, 'ended'))
      .then(() => process.exit(0));
  `;
  const child = spawn(bundled, ['-e', program], { cwd: top, env: { PATH: process.env['PATH'], ...env } });
  let stdout = '';
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.pipe(process.stderr);
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout })));
}

const linesOf = (stdout: string) =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe.each([
  ['a service', false],
  ['an agent', true],
])('%s', (_, agent) => {
  let sink: OtlpSink;
  beforeAll(async () => {
    expect(existsSync(built)).toBe(true);
    sink = await otlpSink();
  });
  afterAll(() => sink.stop());

  it('sends its own spans by OTLP, with parents, links, kinds and failures', async () => {
    const { code } = await run(agent, { OTEL_EXPORTER_OTLP_ENDPOINT: sink.endpoint });
    expect(code).toBe(0);
    const named = (name: string) => sink.spans().find((span) => span.name === name)!;
    const decide = named('decide StartMigration');
    expect(decide).toMatchObject({
      service: 'spec-service',
      kind: 1,
      parentSpanId: undefined,
      links: [{ traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' }],
      attributes: { 'holdfast.outcome': 'decided' },
    });
    expect(named('append')).toMatchObject({ kind: 3, parentSpanId: decide.spanId, failed: false });
    expect(named('publish holdfast.migration')).toMatchObject({ kind: 4, failed: true });
    expect(named('process MigrationStarted')).toMatchObject({ traceId: decide.traceId, parentSpanId: decide.spanId });
  });

  it('writes JSON lines alone to stdout, whatever OpenTelemetry is told to print', async () => {
    const { stdout } = await run(agent, { OTEL_LOG_LEVEL: 'debug', OTEL_TRACES_EXPORTER: 'console' });
    expect(linesOf(stdout).length).toBeGreaterThanOrEqual(2);
  });

  it('puts trace ids on its log lines without any collector', async () => {
    const { stdout } = await run(agent, {});
    expect(linesOf(stdout)[0]).toMatchObject({
      level: 'info',
      service: 'spec-service',
      name: 'store',
      msg: 'appended',
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
      spanId: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
  });

  it('ends in time when the collector is dead', async () => {
    const started = performance.now();
    await run(agent, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' });
    expect(performance.now() - started).toBeLessThan(4_000);
  });

  it('loads the whole SDK only in a service', async () => {
    const { stdout } = await run(agent, {});
    expect(linesOf(stdout).at(-1)).toMatchObject({ msg: 'ended', sdk: !agent });
  });
});
