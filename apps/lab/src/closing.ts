/** What the start ends with: where to look, what is real, and the first thing to try. */
export interface Closing {
  readonly readyMs: number;
  readonly gatewayUrl: string;
  readonly logs: string;
  readonly engine: string;
  readonly daemons: number;
  readonly given: readonly string[];
  readonly clusters: number;
  readonly nodes: number;
  readonly systems: number;
  readonly clients: number;
  readonly errors: number;
  /** Who serves s1 now; without a demo, nobody. */
  readonly servesFirst: { systemId: string; nodeId: string } | undefined;
}

export function closingBlock(closing: Closing): string {
  const { readyMs, gatewayUrl, logs, engine, daemons, clusters, nodes, systems, clients, errors } = closing;
  const real = [
    closing.given.includes('postgres') ? 'PostgreSQL (given)' : 'PostgreSQL 18.4',
    closing.given.includes('kafka') ? 'Kafka (given)' : 'Kafka 4.4.0',
    `qemu-storage-daemon ${engine} (${daemons})`,
  ];
  return [
    '',
    `ready in ${Math.round(readyMs / 1_000)} s   gateway  ${gatewayUrl}   cli  npx holdfast get nodes   logs  ${logs}`,
    `real: ${real.join(' · ')}     demo: ${clusters} clusters, ${nodes} nodes, ${systems} systems, ${clients} clients, ${errors} errors`,
    tryLine(closing.servesFirst),
    '',
  ].join('\n');
}

function tryLine(first: Closing['servesFirst']): string {
  if (!first)
    return 'try:  npx holdfast system create s1 --cluster alpha --volume v1=64MiB       Ctrl-C stops all of it';
  const { nodeId, systemId } = first;
  return `try:  npx holdfast lab kill node/${nodeId}   it serves ${systemId}: elsewhere in 5–6 s       then  npx holdfast why system/${systemId}`;
}
