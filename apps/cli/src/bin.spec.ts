import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A checkout with nothing in it but the launcher. */
let top: string;
const launcher = () => join(top, 'apps/cli/bin/holdfast.js');
const launch = () => spawnSync(process.execPath, [launcher(), 'get', 'nodes'], { encoding: 'utf8' });
const put = (path: string, text: string) => {
  mkdirSync(dirname(join(top, path)), { recursive: true });
  writeFileSync(join(top, path), text);
};

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'holdfast-bin-'));
  cpSync(join(__dirname, '../bin'), join(top, 'apps/cli/bin'), { recursive: true });
});
afterEach(() => rmSync(top, { recursive: true }));

it('the launcher says so when the CLI is not built', () => {
  expect(launch()).toMatchObject({ status: 2, stderr: expect.stringContaining('NOT_BUILT') });
});

const onOldNode = Number(process.versions.node.split('.')[0]) < 24 ? it : it.skip;

onOldNode('the launcher runs on the Node that npm brought, with the arguments and the exit code passed on', () => {
  put('apps/cli/dist/main.js', '');
  const bundled = `node_modules/node-linux-${process.arch}/bin/node`;
  put(bundled, '#!/bin/sh\nshift\necho "$@"\nexit 3\n');
  chmodSync(join(top, bundled), 0o755);
  expect(launch()).toMatchObject({ status: 3, stdout: 'get nodes\n' });
});

onOldNode('the launcher names the version it needs where npm brought none', () => {
  put('apps/cli/dist/main.js', '');
  expect(launch()).toMatchObject({ status: 2, stderr: expect.stringContaining('24 is needed') });
});
