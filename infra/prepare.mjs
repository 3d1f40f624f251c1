// What `npm start` and `npm test` need before anything of ours can run: packages, programs, a build, Kafka's jars.
// No dependencies, any Node from 20 on. When nothing is to be done it says nothing and takes about a second.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const at = (...parts) => join(root, ...parts);
const began = Date.now();
let downloadMs = 0;

/** Ends the preparation: what is missing, and the one thing to do about it. */
function stop(problem, remedy) {
  console.error(`\n✖ ${problem}\n  ${remedy}\n`);
  process.exit(1);
}

function run(command, args, options = {}) {
  return spawnSync(command, args, { cwd: root, encoding: 'utf8', stdio: 'inherit', ...options });
}

/** Something fetched from elsewhere: named before, and timed apart, for its pace is not ours. */
function download(what, work) {
  console.log(`  … ${what}`);
  const from = Date.now();
  work();
  downloadMs += Date.now() - from;
}

function checkNode() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 20)
    stop(`Node ${process.versions.node} found, 20 or newer needed`, 'install it, then run the same command again');
  if (process.platform !== 'linux')
    stop(
      `${process.platform} found, Linux needed`,
      'docker compose --profile lab up -d --build, which runs all of it in one container',
    );
}

/** `npm ci` when node_modules is absent or was made from another lock file. */
function installPackages() {
  const digest = createHash('sha256')
    .update(readFileSync(at('package-lock.json')))
    .digest('hex');
  const stamp = at('node_modules/.holdfast-lock');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return;
  if (!installedByHand()) {
    download('packages: npm ci (about 550 MB on disk)', () => {
      const { status } = run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
      if (status !== 0) stop('npm ci failed', 'its words are above; run it again by itself: npm ci');
    });
  }
  writeFileSync(stamp, digest);
}

/** npm notes what it installed; newer than the lock file means: from this lock file. */
function installedByHand() {
  const note = at('node_modules/.package-lock.json');
  return existsSync(note) && statSync(note).mtimeMs >= statSync(at('package-lock.json')).mtimeMs;
}

const found = (program) => run('sh', ['-c', `command -v ${program}`], { stdio: 'pipe' }).status === 0;

function javaVersion() {
  const { stderr, status } = run('java', ['-version'], { stdio: 'pipe' });
  return status === 0 ? Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0) : 0;
}

const LEAST_QEMU = 7.2;

/** Of a qemu program; 0 where there is none. */
function qemuVersion(program) {
  const { stdout, status } = run(program, ['--version'], { stdio: 'pipe' });
  return status === 0 ? Number(/version (\d+\.\d+)/.exec(stdout)?.[1] ?? 0) : 0;
}

function checkGivenDaemon() {
  const daemon = process.env.HOLDFAST_STORAGE_DAEMON;
  if (daemon && qemuVersion(daemon) < LEAST_QEMU)
    stop(`${daemon} is no qemu-storage-daemon of ${LEAST_QEMU} or newer`, 'name another in HOLDFAST_STORAGE_DAEMON');
}

/** As `holdfast doctor` has it. Debian packages that are missing, each with what it is for. A part that is given from outside needs none. */
function missingPackages() {
  const missing = new Map();
  if (!process.env.HOLDFAST_KAFKA_BROKERS) {
    if (javaVersion() < 17) missing.set('default-jre-headless', 'Java 17 for Kafka');
    if (!existsSync(kafkaFolder()) && !found('mvn')) missing.set('maven', 'to fetch Kafka, once');
  }
  if (!process.env.HOLDFAST_STORAGE_DAEMON && qemuVersion('qemu-storage-daemon') < LEAST_QEMU)
    missing.set('qemu-system-common', `qemu-storage-daemon ${LEAST_QEMU}, the storage engine`);
  if (qemuVersion('qemu-img') < LEAST_QEMU) missing.set('qemu-utils', `qemu-img ${LEAST_QEMU}, which makes volumes`);
  return missing;
}

function installSystemPackages() {
  const missing = missingPackages();
  if (missing.size === 0) return;
  const names = [...missing.keys()];
  const why = [...missing].map(([name, reason]) => `${name} (${reason})`).join(', ');
  const root0 = process.getuid() === 0;
  const command = `${root0 ? '' : 'sudo '}apt-get install -y ${names.join(' ')}`;
  const allowed = process.env.HOLDFAST_INSTALL !== 'never' && found('apt-get') && (root0 || mayUseSudo());
  if (!allowed)
    stop(`missing: ${why}`, found('apt-get') ? `type: ${command}` : "install these by your system's package manager");
  download(`system packages: ${why}\n    by ${command}`, () => aptInstall(root0 ? [] : ['sudo', '-n'], names));
  const still = missingPackages();
  if (still.size > 0) stop(`still missing after the installation: ${[...still.keys()].join(', ')}`, `type: ${command}`);
}

const mayUseSudo = () => found('sudo') && run('sudo', ['-n', 'true'], { stdio: 'pipe' }).status === 0;

function aptInstall(prefix, names) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (...args) => {
    const [command, ...rest] = [...prefix, 'apt-get', '-qq', ...args];
    return run(command, rest, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  };
  apt('update');
  const { status, stderr } = apt('install', '-y', '--no-install-recommends', ...names);
  if (status !== 0)
    stop(`apt-get failed: ${stderr.trim().split('\n').at(-1)}`, `type: apt-get install -y ${names.join(' ')}`);
}

/** Where `startKafka` looks. The folder gets its name once it is whole, so that no half is ever used. */
const kafkaFolder = () => at('.holdfast/cache/kafka-4.4.0');

function fetchKafka() {
  if (process.env.HOLDFAST_KAFKA_BROKERS || existsSync(kafkaFolder())) return;
  const part = `${kafkaFolder()}.${process.pid}`;
  const into = `-DoutputDirectory=${part}`;
  const copy = [
    '-B',
    '-q',
    '-f',
    at('infra/kafka/pom.xml'),
    'dependency:copy-dependencies',
    '-DincludeScope=runtime',
    into,
  ];
  download('Kafka 4.4 from Maven Central (54 MB)', () => {
    const { status, stdout } = run('mvn', copy, { stdio: 'pipe' });
    if (status === 0) return;
    const remedy = 'or set HOLDFAST_KAFKA_BROKERS to a Kafka of yours, 4.0 or newer';
    stop(`Maven could not fetch Kafka:\n${stdout.trim()}`, remedy);
  });
  renameSync(part, kafkaFolder());
}

/** Output of sources that are gone: tsc -b leaves it, and it would still be found by its name. */
function removeOrphans() {
  for (const group of ['apps', 'libs']) {
    for (const project of readdirSync(at(group))) {
      const dist = at(group, project, 'dist');
      if (!existsSync(dist)) continue;
      for (const file of readdirSync(dist, { recursive: true })) {
        const source = /^(.*?)\.(?:js|js\.map|d\.ts)$/.exec(file)?.[1];
        if (source === undefined) continue;
        if (!['ts', 'tsx'].some((ending) => existsSync(at(group, project, 'src', `${source}.${ending}`))))
          rmSync(join(dist, file));
      }
    }
  }
}

/** One build at a time, on the Node that all of it will run on; unchanged sources write nothing. */
function build() {
  mkdirSync(at('.holdfast'), { recursive: true });
  removeOrphans();
  const node = existsSync(at('node_modules/.bin/node')) ? at('node_modules/.bin/node') : process.execPath;
  const { status } = run('flock', [at('.holdfast/build.lock'), node, at('node_modules/typescript/bin/tsc'), '-b']);
  if (status !== 0) stop('the build failed', 'its words are above');
}

checkNode();
checkGivenDaemon();
installPackages();
installSystemPackages();
fetchKafka();
build();
const tookMs = Date.now() - began;
if (downloadMs > 0)
  console.log(`  prepared in ${(tookMs / 1000).toFixed(0)} s, ${(downloadMs / 1000).toFixed(0)} s of it downloads`);
