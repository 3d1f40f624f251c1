import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A checkout with nothing in it but the launcher. */
let top: string;
const launcher = () => join(top, 'apps/cli/bin/holdfast.js');
const launch = (...nodeOptions: string[]) =>
  spawnSync(process.execPath, [...nodeOptions, launcher(), 'get', 'nodes'], { encoding: 'utf8' });
const launchOnOldNode = () => launch('--require', join(top, 'old.js'));
const put = (path: string, text: string) => {
  mkdirSync(dirname(join(top, path)), { recursive: true });
  writeFileSync(join(top, path), text);
};

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'holdfast-bin-'));
  put('old.js', "Object.defineProperty(process, 'versions', { value: { node: '20.19.0' } });");
  cpSync(join(__dirname, '../bin'), join(top, 'apps/cli/bin'), { recursive: true });
});
afterEach(() => rmSync(top, { recursive: true }));

it('the launcher says so when the CLI is not built', () => {
  expect(launch()).toMatchObject({ status: 2, stderr: expect.stringContaining('NOT_BUILT') });
});

it('the launcher runs on the Node that npm brought, with the arguments and the exit code passed on', () => {
  put('apps/cli/dist/main.js', '');
  const bundled = `node_modules/node-linux-${process.arch}/bin/node`;
  put(bundled, '#!/bin/sh\nshift\necho "$@"\nexit 3\n');
  chmodSync(join(top, bundled), 0o755);
  expect(launchOnOldNode()).toMatchObject({ status: 3, stdout: 'get nodes\n' });
});

it('the launcher names the version it needs where npm brought none', () => {
  put('apps/cli/dist/main.js', '');
  expect(launchOnOldNode()).toMatchObject({ status: 2, stderr: expect.stringContaining('24 is needed') });
});
