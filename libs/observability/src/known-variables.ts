import { editDistance } from '@holdfast/kernel';

/** One environment variable of the product, as `holdfast env` shows it. */
export interface KnownVariable {
  readonly means: string;
  /** What holds without it. Absent: it must be given, or nothing happens without it. */
  readonly default?: string;
  /** Its value may also stand in the file that `<name>_FILE` names, and is never printed. */
  readonly secret?: true;
}

/**
 * Every HOLDFAST_ variable of every app, script and test, so that one app's variables do not stop another, and a
 * misspelt one stops whoever is given it. A spec finds variables in the sources that are missing here.
 */
export const knownVariables: Readonly<Record<string, KnownVariable>> = {
  // What several processes share
  HOLDFAST_RUN_ID: { means: 'the local run that a process belongs to; the keeper sweeps by it' },
  HOLDFAST_RUN_DIR: { means: 'where the local fleet keeps its sockets, logs and fleet.json', default: '.holdfast/run' },
  HOLDFAST_DATABASE_URL: { means: 'PostgreSQL, as postgres://user@host:port/database', secret: true },
  HOLDFAST_KAFKA_BROKERS: { means: 'Kafka, as host:port[,host:port]' },
  HOLDFAST_PARTITIONS: { means: 'partitions of each topic, fixed when it is made', default: '12; locally 4' },
  HOLDFAST_LOG_LEVEL: { means: 'trace, debug, info, warn, error, fatal, silent', default: 'info' },
  HOLDFAST_TEST_MODE: { means: '1 gives each local node addresses of its own for the fault suites', default: '0' },
  HOLDFAST_ADMIN_BIND: { means: 'address of /livez, /readyz, /startupz and /metrics', default: '127.0.0.1' },
  HOLDFAST_ADMIN_PORT: { means: 'port of the same; 0 takes a free one', default: '0' },
  HOLDFAST_ADMIN_PORT_FILE: { means: 'file into which a service writes the port it got' },

  // Event log
  HOLDFAST_RELAY_BATCH_EVENTS: { means: 'events that the relay reads at once', default: '1000' },
  HOLDFAST_RELAY_POLL_MS: { means: 'longest pause of an idle relay', default: '100' },
  HOLDFAST_RELAY_HEADS_MS: { means: 'how often stream heads are told', default: '5000' },
  HOLDFAST_INBOX_BATCH_EVENTS: { means: 'events that an inbox takes in one transaction', default: '500' },
  HOLDFAST_INBOX_ATTEMPTS: { means: 'attempts at one event before its stream is parked', default: '5' },
  HOLDFAST_OUTBOX_LIMIT_EVENTS: { means: 'unsent events until requests are answered 503', default: '10000' },

  // gateway
  HOLDFAST_GATEWAY_BIND: { means: 'address of the API', default: '127.0.0.1' },
  HOLDFAST_GATEWAY_PORT: { means: 'port of the API; 0 takes a free one', default: '7480' },
  HOLDFAST_GATEWAY_PORT_FILE: { means: 'file into which the gateway writes the port it got' },
  HOLDFAST_GATEWAY_ADMIN_TOKEN: { means: 'the first admin token', secret: true },
  HOLDFAST_GATEWAY_BODY_LIMIT_BYTES: { means: 'largest request body', default: '262144' },
  HOLDFAST_GATEWAY_REQUEST_TIMEOUT_MS: { means: 'longest time of one request', default: '5000' },
  HOLDFAST_STREAM_SAMPLES_PER_SEC: { means: 'samples per subject and second to a live stream', default: '4' },
  HOLDFAST_REQUEST_UNANSWERED_SEC: { means: 'silence of an owner until RequestLeftUnanswered', default: '30' },

  // health-monitor
  HOLDFAST_HEALTH_ALPHA_MS: { means: 'how late a heartbeat may be (2000 to 30000)', default: '4000' },

  // load-balancer
  HOLDFAST_BALANCER_TAKEN_MS: { means: 'how long a node may take to accept a task', default: '5000' },
  HOLDFAST_BALANCER_TASK_BYTES_PER_SEC: {
    means: 'what a background task reads in a second, unless its request says otherwise',
    default: '8388608',
  },

  // node-agent
  HOLDFAST_AGENT_CLUSTER_ID: { means: 'the cluster of this node' },
  HOLDFAST_AGENT_NODE_ID: { means: 'this node' },
  HOLDFAST_AGENT_STATE_DIR: { means: "the agent's journal and run/" },
  HOLDFAST_AGENT_MEDIUM: { means: 'root of the shared medium; the cluster has a folder below it' },
  HOLDFAST_AGENT_DATA_ADDRESS: { means: 'where peers probe this node' },
  HOLDFAST_AGENT_FLUSH: { means: 'disk, or os where all nodes share one host', default: 'disk' },
  HOLDFAST_AGENT_FOLD_ABOVE_LAYERS: { means: 'layers of a volume in use before the lowest are folded', default: '8' },
  HOLDFAST_AGENT_SERVING_ADDRESS_MAP: {
    means: 'systemId=address,…: addresses that this node alone serves at; for fault suites',
  },
  HOLDFAST_STORAGE_DAEMON: { means: 'the qemu-storage-daemon to run', default: 'the one on the path' },

  // cli
  HOLDFAST_URL: { means: 'the gateway that the CLI speaks to', default: 'the current context' },
  HOLDFAST_TOKEN: { means: "the CLI's access token", default: 'the current context', secret: true },
  HOLDFAST_CONTEXT_FILE: { means: "the CLI's contexts", default: '~/.config/holdfast/contexts.json' },

  // npm start, npm test
  HOLDFAST_INSTALL: { means: 'never forbids installing system packages', default: 'allowed' },
};

/** Whether the product knows the name. */
export function isKnown(name: string): boolean {
  return name in knownVariables || knownVariables[secretOf(name)]?.secret === true;
}

/** `HOLDFAST_TOKEN` of `HOLDFAST_TOKEN_FILE`. */
function secretOf(fileVariable: string): string {
  return fileVariable.endsWith('_FILE') ? fileVariable.slice(0, -'_FILE'.length) : '';
}

/** The known name that differs in the fewest letters. */
export function nearestKnown(name: string): string {
  const names = Object.keys(knownVariables);
  return names.reduce((best, next) => (editDistance(name, next) < editDistance(name, best) ? next : best));
}
