import { listOf, operation, runCli, scriptedGateway, type Answer } from './scripted-gateway';

const MIB = 1_048_576;
const backup = (pointId: string, more: object = {}) => ({
  backupId: `s1/${pointId}`,
  systemId: 's1',
  pointId,
  clusterId: 'alpha',
  state: 'ready',
  at: '2026-03-01T10:15:00.000Z',
  bytes: 96 * MIB,
  lastScrub: null,
  restorable: true,
  reason: null,
  ...more,
});

let gateway: Awaited<ReturnType<typeof scriptedGateway>>;
const given = async (script: Record<string, Answer | ((body: unknown) => Answer)>) => {
  gateway = await scriptedGateway(script);
};
afterEach(() => gateway.stop());
const cli = (typed: string, world = {}) => runCli(`${typed} --url ${gateway.url}`, world);

const lastPost = () => gateway.heard.filter(({ request }) => request.startsWith('POST')).at(-1);
const path = `GET /v1/operations/${operation('running').id}`;

describe('backups', () => {
  const scrubbed = { at: '2026-03-01T10:35:00.000Z', clean: false, damagedPieces: 2 };
  const list = listOf([
    backup('p-1'),
    backup('p-2', { lastScrub: scrubbed, restorable: false, reason: 'damaged' }),
    { ...backup('p-3'), backupId: 's2/p-3', systemId: 's2' },
  ]);

  it('list shows size, age, the last scrub and whether each can be restored', async () => {
    await given({ 'GET /v1/backups': list });
    expect((await cli('backups list s1')).out).toBe(`\
BACKUP  CLUSTER  AGE   SIZE    STATE  LAST SCRUB           RESTORABLE
s1/p-1  alpha    30 m  96 MiB  ready  never                yes
s1/p-2  alpha    30 m  96 MiB  ready  2 damaged, 10 m ago  no: damaged
`);
    expect((await cli('get backups -o name')).out).toBe('backup/s1/p-1\nbackup/s1/p-2\nbackup/s2/p-3\n');
  });

  it('describe and delete take system and point as one id', async () => {
    const deleted = operation('succeeded', { kind: 'BackupDeletionRequested', subject: 'backup/s1/p-1' });
    await given({
      'GET /v1/backups/s1/p-1': backup('p-1'),
      'GET /v1/events?subject=backup%2Fs1%2Fp-1&order=newest&limit=10': listOf([]),
      'POST /v1/backups/s1/p-1/delete': [202, { operation: deleted }],
    });
    expect((await cli('backups describe s1/p-1')).out).toContain('  restorable  true\n');
    expect((await cli('describe backup/s1/p-1')).out).toContain('backup/s1/p-1\n');
    expect((await cli('backups delete s1/p-1')).out).toBe(
      'backup/s1/p-1: BackupDeletionRequested succeeded in 1.3 s\n',
    );
  });
});

describe('system create --from-backup', () => {
  const restored = { 'GET /v1/backups/s1/p-1': backup('p-1') };

  it('names the backup alone: it says itself what volumes it has, and where it lies', async () => {
    await given({ ...restored, 'POST /v1/systems': [202, { operation: operation('running') }] });
    await cli('system create s9 --from-backup s1/p-1');
    expect(lastPost()?.body).toEqual({ systemId: 's9', fromBackup: { systemId: 's1', pointId: 'p-1' } });
    await cli('system create s9 --from-backup backup/s1/p-1 --cluster beta');
    expect(lastPost()?.body).toMatchObject({ clusterId: 'beta' });
  });

  it('watched tells the bytes that are filled in', async () => {
    const progress = { done: 32 * MIB, total: 128 * MIB, unit: 'bytes', perSec: 16 * MIB, etaSec: { p50: 6, p90: 8 } };
    const steps = [operation('running', { progress })];
    await given({
      ...restored,
      'POST /v1/systems': [202, { operation: operation('running') }],
      [path]: () => steps.shift() ?? operation('succeeded'),
    });
    expect((await cli('system create s9 --from-backup s1/p-1 --watch')).out).toBe(`\
system/s9: SystemRequested running
system/s9: SystemRequested running: 32 of 128 MiB  25 %  16 MiB/s  about 6 s left
system/s9: SystemRequested succeeded in 1.3 s
`);
  });

  it.each(['--from-backup s1/p-1 --volume a=1MiB', '--volume a=1MiB'])('%s is wrong usage', async (typed) => {
    await given({});
    expect((await cli(`system create s9 ${typed}`)).code).toBe(2);
  });

  it('of a backup of another cluster exits 3', async () => {
    const elsewhere: Answer = [
      409,
      { code: 'BACKUP_ELSEWHERE', detail: 'it lies in alpha', remedy: 'restore it there' },
    ];
    await given({ ...restored, 'POST /v1/systems': elsewhere });
    expect((await cli('system create s9 --from-backup s1/p-1 --cluster beta')).code).toBe(3);
  });
});
