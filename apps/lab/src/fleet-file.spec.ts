import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AtomicJson } from './fleet-file';

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
