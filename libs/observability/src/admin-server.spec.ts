import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AdminServer, type Check } from './admin-server';
import { counter, gauge, onScrape } from './metrics';

describe('the admin port', () => {
  let store: Check;
  let admin: AdminServer;
  const get = async (path: string) => {
    const answer = await fetch(`http://127.0.0.1:${admin.port}${path}`);
    return { status: answer.status, text: await answer.text() };
  };

  beforeEach(async () => {
    store = async () => ({ ok: true });
    admin = await AdminServer.start({ port: 0, checks: { store: () => store() } });
  });
  afterEach(() => admin.stop());

  it('reads ready while every check holds', async () => {
    expect(await get('/readyz')).toEqual({
      status: 200,
      text: '{"ok":true,"draining":false,"checks":[{"name":"store","ok":true}]}',
    });
  });

  it('reads unready with the reason of the check that fails', async () => {
    store = async () => ({ ok: false, detail: 'oldest unsent 31 s' });
    expect(await get('/readyz')).toMatchObject({ status: 503, text: expect.stringContaining('oldest unsent 31 s') });
  });

  it('takes a check that throws as failed', async () => {
    store = () => Promise.reject(new Error('connection refused'));
    expect((await get('/readyz')).text).toContain('connection refused');
  });

  it('takes a check that gives no answer for a second as failed', async () => {
    store = () => new Promise(() => undefined);
    expect((await get('/readyz')).text).toContain('no answer in 1000 ms');
  });

  it('reads started from the first time that all was well, and stays so', async () => {
    store = async () => ({ ok: false });
    expect((await get('/startupz')).status).toBe(503);
    store = async () => ({ ok: true });
    expect((await get('/startupz')).status).toBe(200);
    store = async () => ({ ok: false });
    expect((await get('/startupz')).status).toBe(200);
  });

  it('reads unready, but alive, while the process ends', async () => {
    admin.drain();
    expect((await get('/readyz')).status).toBe(503);
    expect((await get('/livez')).status).toBe(200);
  });

  it('shows metrics under the prefix holdfast_, gauges as they are at the scrape', async () => {
    counter('spec_appends_total', 'for this spec', ['outcome']).inc({ outcome: 'decided' });
    onScrape(() => gauge('spec_outbox_pending', 'for this spec').set(7));
    const { text } = await get('/metrics');
    expect(text).toContain('holdfast_spec_appends_total{outcome="decided"} 1');
    expect(text).toContain('holdfast_spec_outbox_pending 7');
  });

  it('knows no other path', async () => expect((await get('/')).status).toBe(404));
});

it('the admin port is told in a file, for whoever asked for a free one', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-admin-'));
  const portFile = join(folder, 'port');
  const admin = await AdminServer.start({ port: 0, portFile, checks: {} });
  expect(readFileSync(portFile, 'utf8')).toBe(String(admin.port));
  await admin.stop();
  rmSync(folder, { recursive: true });
});
