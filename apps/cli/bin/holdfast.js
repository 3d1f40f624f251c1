#!/usr/bin/env node
// Plain CommonJS for any Node: the product itself needs 24, which npm brings along on Linux.
'use strict';
const { spawnSync } = require('node:child_process');
const { existsSync } = require('node:fs');
const { join } = require('node:path');

const top = join(__dirname, '../../..');
const program = join(__dirname, '../dist/main.js');

if (!existsSync(program)) {
  console.error(
    'error     NOT_BUILT  the CLI is not built\nremedy    run `npx tsc -b apps/cli`, or `npm start`, which builds all',
  );
  process.exit(2);
}

if (Number(process.versions.node.split('.')[0]) >= 24) {
  require(program);
} else {
  const bundled = join(top, `node_modules/node-linux-${process.arch}/bin/node`);
  if (!existsSync(bundled)) {
    console.error(
      `error     NODE_TOO_OLD  this is Node ${process.versions.node}, 24 is needed\nremedy    install Node 24; on Linux \`npm ci\` brings it`,
    );
    process.exit(2);
  }
  const { status, signal } = spawnSync(bundled, [program, ...process.argv.slice(2)], { stdio: 'inherit' });
  if (signal) process.kill(process.pid, signal);
  process.exit(status ?? 1);
}
