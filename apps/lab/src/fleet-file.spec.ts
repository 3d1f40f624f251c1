import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AtomicJson, runIdIn } from './fleet-file';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-fleet-file-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('a file whose write failed is written the next time, with the same value too', async () => {
  const path = join(folder, 'made later', 'fleet.json');
  const file = new AtomicJson<{ ready: boolean }>(path);
  await expect(file.write({ ready: true })).rejects.toMatchObject({ code: 'ENOENT' });

  mkdirSync(join(folder, 'made later'));
  await file.write({ ready: true });
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ ready: true });
});

it.each([
  ['whole', '{"ready":true,"runId":"r1"}', 'r1'],
  ['cut off', '{"ready":true,"runId":"r', undefined],
  ['empty of a run', '{}', undefined],
  ['no object', 'null', undefined],
])('a file that is %s names its run, or none', (_, text, runId) => expect(runIdIn(text)).toBe(runId));
