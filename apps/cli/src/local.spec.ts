import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listOf, runCli, scriptedGateway } from './scripted-gateway';
import { programsFor } from './verbs/doctor';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'holdfast-cli-'))));
afterEach(() => rmSync(folder, { recursive: true }));

describe('lab', () => {
  let server: Server;
  const heard: string[] = [];
  const answering = (answer: object) =>
    new Promise<void>((resolve) => {
      server = createServer((socket) =>
        socket.on('data', (line) => {
          heard.push(String(line));
          socket.end(`${JSON.stringify(answer)}\n`);
        }),
      ).listen(join(folder, 'lab.sock'), resolve);
    });
  const lab = (typed: string) => runCli(`lab ${typed}`, { env: { HOLDFAST_RUN_DIR: folder } });
  afterEach(() => server?.close());

  it('speaks one line to the supervisor and says what will follow', async () => {
    await answering({
      ok: true,
      message: 'alpha-2 has no power',
      expect: '5–6 s; a second kill may freeze the cluster',
    });
    expect(await lab('kill node/alpha-2')).toEqual({
      code: 0,
      out: 'alpha-2 has no power\nexpect 5–6 s; a second kill may freeze the cluster\n',
      err: '',
    });
    expect(heard).toEqual(['{"verb":"kill","target":"node/alpha-2"}\n']);
  });

  it.each([
    ['that is refused exits 3', 'NOT_RUNNING', 3],
    ['of what is not there exits 8', 'NOT_FOUND', 8],
  ])('%s, with code and remedy', async (_, reason, code) => {
    await answering({ ok: false, message: 'no such luck', code: reason, remedy: 'alpha-1, alpha-2' });
    expect(await lab('kill node/alpha-9')).toMatchObject({
      code,
      err: `error     ${reason}  no such luck\nremedy    alpha-1, alpha-2\n`,
    });
  });

  it('without a fleet exits 5 and says how to start one', async () => {
    const { code, err } = await lab('status');
    expect(code).toBe(5);
    expect(err).toContain('start it with `npm start`');
  });

  it.each(['stop node/alpha-1', 'pause kafka', 'resume service/gateway', 'kill alpha-1', 'kill system/s1'])(
    '%s is wrong usage',
    async (typed) => expect((await lab(typed)).code).toBe(2),
  );
});

describe('contexts', () => {
  const file = () => join(folder, 'kept/contexts.json');
  const world = (more = {}) => ({ env: { HOLDFAST_CONTEXT_FILE: file(), ...more } });

  it('login keeps a token that works, for its owner alone', async () => {
    const gateway = await scriptedGateway({ 'GET /v1/clusters': listOf([]), 'GET /v1/nodes': listOf([]) });
    const typed = `login --name lab --url ${gateway.url}`;
    expect((await runCli(typed, { ...world(), readInput: async () => 'k3y\n' })).code).toBe(0);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    await runCli('get nodes', world());
    expect(gateway.heard.at(-1)?.token).toBe('Bearer k3y');
    await gateway.stop();
  });

  it('login takes gateway and token from the environment as every verb does, the token from its file too', async () => {
    const gateway = await scriptedGateway({ 'GET /v1/clusters': listOf([]) });
    const tokenFile = join(folder, 'token');
    writeFileSync(tokenFile, 'filed\n');
    const env = { HOLDFAST_URL: `${gateway.url}/`, HOLDFAST_TOKEN: '', HOLDFAST_TOKEN_FILE: tokenFile };
    expect((await runCli('login', { env: { ...world().env, ...env } })).code).toBe(0);
    expect(gateway.heard.map(({ token }) => token)).toEqual(['Bearer filed']);
    const kept = JSON.parse(readFileSync(file(), 'utf8')) as object;
    expect(kept).toEqual({ current: 'default', contexts: { default: { url: gateway.url, token: 'filed' } } });
    await gateway.stop();
  });

  it('login with a token that is not accepted exits 4 and keeps nothing', async () => {
    const gateway = await scriptedGateway({ 'GET /v1/clusters': [401, { code: 'UNAUTHENTICATED' }] });
    const { code } = await runCli(`login --url ${gateway.url}`, { ...world(), readInput: async () => 'x' });
    expect(code).toBe(4);
    expect(() => readFileSync(file())).toThrow('ENOENT');
    await gateway.stop();
  });

  it('are beaten by the environment, and that by flags', async () => {
    const [a, b, c] = await Promise.all([1, 2, 3].map(() => scriptedGateway({ 'GET /v1/nodes': listOf([]) })));
    const flat = join(folder, 'contexts.json');
    writeFileSync(flat, JSON.stringify({ current: 'a', contexts: { a: { url: a!.url, token: 'ofContext' } } }));
    const env = { HOLDFAST_CONTEXT_FILE: flat };
    await runCli('get nodes', { env });
    await runCli('get nodes', { env: { ...env, HOLDFAST_URL: b!.url, HOLDFAST_TOKEN: 'ofEnvironment' } });
    await runCli(`get nodes --url ${c!.url}`, { env: { ...env, HOLDFAST_URL: b!.url } });
    await runCli('get nodes --context a', { env: { ...env, HOLDFAST_URL: b!.url, HOLDFAST_TOKEN: 'ofEnvironment' } });
    expect(a!.heard.map(({ token }) => token)).toEqual(['Bearer ofContext', 'Bearer ofContext']);
    expect(b!.heard.map(({ token }) => token)).toEqual(['Bearer ofEnvironment']);
    expect(c!.heard).toHaveLength(1);
    await Promise.all([a!.stop(), b!.stop(), c!.stop()]);
  });

  it('give their token to their own gateway alone', async () => {
    const [a, b] = await Promise.all([1, 2].map(() => scriptedGateway({ 'GET /v1/nodes': listOf([]) })));
    const flat = join(folder, 'contexts.json');
    writeFileSync(flat, JSON.stringify({ current: 'a', contexts: { a: { url: a!.url, token: 'ofContext' } } }));
    const env = { HOLDFAST_CONTEXT_FILE: flat };
    await runCli(`get nodes --url ${b!.url}`, { env });
    await runCli(`get nodes --context a --url ${b!.url}`, { env });
    await runCli('get nodes', { env: { ...env, HOLDFAST_URL: b!.url } });
    await runCli(`get nodes --url ${a!.url}/`, { env });
    expect(b!.heard.map(({ token }) => token)).toEqual([undefined, undefined, undefined]);
    expect(a!.heard.map(({ token }) => token)).toEqual(['Bearer ofContext']);
    await Promise.all([a!.stop(), b!.stop()]);
  });

  it('list marks the current one, and use changes it', async () => {
    const contexts = { a: { url: 'http://a.test', token: '1' }, b: { url: 'http://b.test', token: '2' } };
    const flat = join(folder, 'contexts.json');
    writeFileSync(flat, JSON.stringify({ current: 'a', contexts }));
    const env = { HOLDFAST_CONTEXT_FILE: flat };
    await runCli('context use b', { env });
    expect((await runCli('context list', { env })).out).toBe(`\
   CONTEXT  GATEWAY
   a        http://a.test
*  b        http://b.test
`);
    expect((await runCli('context use c', { env })).code).toBe(2);
  });

  it('in a damaged file are wrong usage, with the way on', async () => {
    const flat = join(folder, 'contexts.json');
    writeFileSync(flat, '{');
    const { code, err } = await runCli('context list', { env: { HOLDFAST_CONTEXT_FILE: flat } });
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining('remove it, then `holdfast login`') });
  });
});

describe('env', () => {
  it('shows what is set, masks secrets, and warns of a name that nobody knows', async () => {
    const env = { HOLDFAST_TOKEN: 'k3y', HOLDFAST_RUN_DIR: '/tmp/run', HOLDFAST_RUN_DIRR: 'x' };
    expect(await runCli('env', { env })).toEqual({
      code: 0,
      out: `\
VARIABLE          VALUE     SOURCE       DEFAULT              MEANS
HOLDFAST_RUN_DIR  /tmp/run  environment  .holdfast/run        where the local fleet keeps its
                                                              sockets, logs and fleet.json
HOLDFAST_TOKEN    [secret]  environment  the current context  the CLI's access token
`,
      err: 'warning: HOLDFAST_RUN_DIRR is not known; did you mean HOLDFAST_RUN_DIR?\n',
    });
  });

  it('is not needed to hear of a misspelt variable: every verb says so', async () => {
    const { err, code } = await runCli('env', { env: { HOLDFAST_GATEWAY_PROT: '7' } });
    expect(code).toBe(0);
    expect(err).toContain('warning: HOLDFAST_GATEWAY_PROT is not known; did you mean HOLDFAST_GATEWAY_PORT?\n');
    const context = await runCli('context list', { env: { HOLDFAST_NONSENSE: '1', HOLDFAST_CONTEXT_FILE: folder } });
    expect(context.err).toContain('warning: HOLDFAST_NONSENSE is not known; did you mean');
  });

  it('lists every variable with --all, and as json', async () => {
    const { out } = await runCli('env -o json');
    expect(JSON.parse(out)).toContainEqual(expect.objectContaining({ name: 'HOLDFAST_GATEWAY_PORT', value: '7480' }));
    expect((await runCli('env --all')).out).toContain('HOLDFAST_HEALTH_ALPHA_MS');
  });
});

describe('doctor', () => {
  it('lists each check with its remedy, and fails when a piece is missing', async () => {
    const { code, out } = await runCli('doctor -o json --url http://127.0.0.1:9', { env: { PATH: folder } });
    const findings = JSON.parse(out) as { check: string; state: string; remedy: string }[];
    expect(code).toBe(3);
    expect(findings).toContainEqual({
      check: 'qemu-img',
      state: 'missing',
      found: 'not there',
      remedy: 'apt-get install qemu-utils',
    });
    expect(findings.find(({ check }) => check === 'gateway')?.state).toBe('warning');
  });

  it.each([
    ['Java and Maven', {}, false, ['java', 'mvn', 'qemu-storage-daemon', 'qemu-img']],
    ['no Maven once Kafka was fetched', {}, true, ['java', 'qemu-storage-daemon', 'qemu-img']],
    ['neither for a given Kafka', { HOLDFAST_KAFKA_BROKERS: 'kafka:9092' }, false, ['qemu-storage-daemon', 'qemu-img']],
    ['the given storage daemon', { HOLDFAST_STORAGE_DAEMON: '/opt/qsd' }, true, ['java', '/opt/qsd', 'qemu-img']],
  ])('wants %s', (_, env, kafkaFetched, checks) => {
    expect(programsFor(env, { kafkaFetched }).map(({ check }) => check)).toEqual(checks);
  });
});
