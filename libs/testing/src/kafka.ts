import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FleetError } from '@holdfast/kernel';
import { freePort } from './free-port';

const repository = resolve(__dirname, '../../..');
const READY_MS = 60_000;
const PORT_ATTEMPTS = 5;
/** Java's exit code for it: 128 and the signal. */
const ENDED_BY_SIGTERM = 143;

/** Kafka could not be fetched or started. The message holds what Maven or the broker said. */
export class KafkaUnavailable extends FleetError {
  readonly code = 'KAFKA_UNAVAILABLE';
  readonly retryable = false;
  override readonly remedy =
    'Install a Java runtime (17 or later) and Maven, or set HOLDFAST_KAFKA_BROKERS to a broker that runs.';
}

export interface KafkaOptions {
  /** Data, configuration and log of this broker. */
  dir: string;
  /** A free one unless said. */
  port?: number;
  env?: NodeJS.ProcessEnv;
  /** Where the jars are kept between runs. */
  cacheDir?: string;
  /** What it says; in `dir` unless said. */
  logFile?: string;
  /** In a session of its own: the terminal's Ctrl-C does not reach it. */
  detached?: boolean;
  /** For specs, whose brokers have little to do: the quick compiler alone halves the work of a start. */
  quickStart?: boolean;
}

/** Kafka's jars, and the classes of them as this Java maps them: another Java makes a file of its own. */
interface Installation {
  readonly lib: string;
  readonly archive: string;
}

export interface RunningKafka {
  readonly brokers: string;
  readonly port: number;
  readonly pid: number;
  readonly process: ChildProcess;
  /** SIGTERM, and the end awaited. */
  stop(): Promise<void>;
  /** SIGKILL: a crash. */
  kill(): Promise<void>;
  /** Starts it again on the same port and data; resolves once it answers. */
  restart(): Promise<void>;
}

/** One real broker (KRaft, no ZooKeeper) on loopback, ready to be asked when this resolves. */
export async function startKafka(options: KafkaOptions): Promise<RunningKafka> {
  const kafka = await installation(options);
  const { port, configuration, broker: first } = await startAtFreePort(options, kafka);
  let broker = first;

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (broker.exitCode !== null || broker.signalCode !== null) return;
    const exited = once(broker, 'exit');
    broker.kill(signal);
    await exited;
  };
  return {
    brokers: `127.0.0.1:${port}`,
    port,
    get pid() {
      return broker.pid!;
    },
    get process() {
      return broker;
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    async restart() {
      await end('SIGTERM');
      broker = await launch(options, kafka, configuration);
      await ready(broker, port, options);
    },
  };
}

/** A port that is free when looked for may be another's when the broker binds it: then the next is tried. */
async function startAtFreePort(options: KafkaOptions, kafka: Installation) {
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    const configuration = await configure(options, kafka, port);
    const broker = await launch(options, kafka, configuration);
    try {
      await ready(broker, port, options);
      return { port, configuration, broker };
    } catch (error) {
      const taken = error instanceof KafkaUnavailable && error.message.includes('Address already in use');
      if (!taken || options.port !== undefined || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

async function installation({
  cacheDir = join(repository, '.holdfast/cache'),
  env,
}: KafkaOptions): Promise<Installation> {
  const lib = await kafkaJars(cacheDir);
  const build = /build ([\w.+-]+)/.exec(await run('java', ['-version'], env))?.[1];
  return { lib, archive: join(lib, `classes-java-${build}.jsa`) };
}

/** Fetched once by Maven. The folder appears under its name only when complete; a lock keeps two runs apart. */
async function kafkaJars(cacheDir: string): Promise<string> {
  const lib = join(cacheDir, 'kafka-4.4.0');
  if (existsSync(lib)) return lib;
  await mkdir(cacheDir, { recursive: true });

  const fetch =
    '[ -d "$1" ] || { rm -rf "$1.part" && mvn -B -q -f "$2" dependency:copy-dependencies' +
    ' -DincludeScope=runtime -DoutputDirectory="$1.part" && mv "$1.part" "$1"; }';
  await run('flock', [
    join(cacheDir, 'kafka.lock'),
    ...['sh', '-c', fetch, 'sh', lib, join(repository, 'infra/kafka/pom.xml')],
  ]);
  return lib;
}

async function configure({ dir, env }: KafkaOptions, kafka: Installation, port: number): Promise<string> {
  const path = join(dir, 'server.properties');
  const data = dataOf(dir);
  const controllerPort = await freePort();
  await mkdir(dir, { recursive: true });
  const known = existsSync(path);
  await writeFile(path, serverProperties(data, port, controllerPort));
  if (!known) {
    const id = randomBytes(16);
    // A leading dash would be read as an option.
    id[0]! &= 0x7f;
    const clusterId = id.toString('base64url');
    const format = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', path];
    await run('java', [...javaOptions(kafka, true), ...format], env);
  }
  return path;
}

function serverProperties(data: string, port: number, controllerPort: number): string {
  return Object.entries({
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'log.dirs': data,
    'auto.create.topics.enable': false,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    // After a crash the broker may not return before its old session has ended: 9 s unless said.
    'broker.session.timeout.ms': 2000,
    'broker.heartbeat.interval.ms': 500,
    // Small and idle most of the time: few threads, and no empty record in the quorum's log twice a second.
    'metadata.max.idle.interval.ms': 0,
    'num.network.threads': 2,
    'num.io.threads': 4,
    'background.threads': 2,
  })
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}

/** To load classes is most of a start: the first broker that ends in peace leaves them in a file, which later ones map. */
function javaOptions({ lib, archive }: Installation, quickStart = false): string[] {
  return [
    ...['-Xmx384m', '-XX:+UseSerialGC', '-Xlog:cds*=error', '-Dorg.apache.logging.log4j.level=WARN'],
    ...(quickStart ? ['-XX:TieredStopAtLevel=1'] : []),
    ...(existsSync(archive) ? [`-XX:SharedArchiveFile=${archive}`] : []),
    ...['-cp', join(lib, '*')],
  ];
}

const dataOf = (dir: string): string => join(dir, 'data');
const logOf = ({ dir, logFile }: KafkaOptions): string => logFile ?? join(dir, 'kafka.log');

async function launch(options: KafkaOptions, kafka: Installation, configuration: string) {
  const { env, detached = false, quickStart } = options;
  const log = await open(logOf(options), 'a');
  const java = javaOptions(kafka, quickStart);
  const part = existsSync(kafka.archive) ? undefined : `${kafka.archive}.${randomUUID()}`;
  if (part) java.push(`-XX:ArchiveClassesAtExit=${part}`);
  const child = spawn('java', [...java, 'kafka.Kafka', configuration], {
    env: { ...process.env, ...env },
    stdio: ['ignore', log.fd, log.fd],
    detached,
  });
  if (part) child.once('exit', (code) => keepClasses(code, part, kafka.archive));
  await once(child, 'spawn');
  await log.close();
  return child;
}

/** Java passes over a file that is not whole, and says nothing: it gets its name only after a clean end. */
function keepClasses(exitCode: number | null, part: string, archive: string): void {
  if (exitCode === ENDED_BY_SIGTERM && existsSync(part)) renameSync(part, archive);
  else rmSync(part, { force: true });
}

async function ready(child: ChildProcess, port: number, options: KafkaOptions): Promise<void> {
  const deadline = Date.now() + READY_MS;
  const clusterId = await clusterIdOf(options);
  while (!(await answersMetadata(port, clusterId))) {
    const ended = child.exitCode !== null || child.signalCode !== null;
    if (ended || Date.now() > deadline) {
      child.kill('SIGKILL');
      const log = await readFile(logOf(options), 'utf8');
      throw new KafkaUnavailable(`Kafka ${ended ? 'ended at once' : 'did not answer'}:\n${log.slice(-2_000)}`);
    }
    await sleep(50);
  }
}

async function clusterIdOf({ dir }: KafkaOptions): Promise<string> {
  const properties = await readFile(join(dataOf(dir), 'meta.properties'), 'utf8');
  return /^cluster\.id=(.+)$/m.exec(properties)![1]!;
}

/** A metadata request, version 4, for no topic: our own broker, not one that took its port, names its cluster. */
function answersMetadata(port: number, clusterId: string): Promise<boolean> {
  const request = Buffer.from('00000010' + '0003' + '0004' + '00000001' + 'ffff' + '00000000' + '00', 'hex');
  request.writeInt32BE(request.length - 4, 0);
  return new Promise((answer) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(request));
    const done = (yes: boolean) => (socket.destroy(), answer(yes));
    // Length, correlation, throttle time, then the number of brokers; the answer is short enough for one packet.
    socket.on('data', (bytes) => done(bytes.length >= 16 && bytes.readInt32BE(12) > 0 && bytes.includes(clusterId)));
    socket.on('error', () => done(false));
    socket.on('close', () => done(false));
    socket.setTimeout(1_000, () => done(false));
  });
}

async function run(program: string, args: string[], env?: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stdout.on('data', (text) => (said += text));
  child.stderr.on('data', (text) => (said += text));
  const code = await new Promise((ended, failed) => child.on('close', ended).on('error', failed)).catch(
    (cause: Error) => cause.message,
  );
  if (code !== 0) throw new KafkaUnavailable(`${program} failed (${String(code)}):\n${said.slice(-2_000)}`);
  return said;
}
