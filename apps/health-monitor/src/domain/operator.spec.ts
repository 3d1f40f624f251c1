import type { RequestId } from '@holdfast/contracts';
import { ALPHA, ALPHA_MS, node, play, SimulatedObserver, type Script } from './simulated-fleet';

const three: Script['nodes'] = { n1: {}, n2: {}, n3: {} };
const FOREVER = Number.MAX_SAFE_INTEGER;
const requestId = '00000000-0000-4000-8000-00000000000a' as RequestId;

function declareDown(observer: SimulatedObserver, name: string, poweredOff: boolean) {
  const measurement = observer.observer.measure(ALPHA);
  const asked = { clusterId: ALPHA, alphaMs: ALPHA_MS, measurement, requestId, nodeId: node(name), poweredOff };
  return observer.handle({ type: 'DeclareNodeDown', ...asked })[0];
}

function thaw(observer: SimulatedObserver) {
  const measurement = observer.observer.measure(ALPHA);
  return observer.handle({
    type: 'ThawCluster',
    clusterId: ALPHA,
    alphaMs: ALPHA_MS,
    measurement,
    requestId,
  });
}

describe('declaring a node down by hand', () => {
  it.each([
    ['a beating node', false, 'NODE_BEATS'],
    ['a beating node said to be off', true, 'ATTESTATION_CONTRADICTED'],
  ])('is refused for %s', (_name, poweredOff, reason) => {
    const observer = play({ nodes: three, untilMs: 20_000 });
    expect(declareDown(observer, 'n1', poweredOff)).toMatchObject({ type: 'NodeDownRejected', data: { reason } });
  });

  it('names who reaches a node that is said to be off', () => {
    const observer = play({ nodes: three, untilMs: 40_000, cut: { n3: [[20_000, FOREVER]] } });
    const refused = declareDown(observer, 'n3', true);
    expect(refused?.data).toMatchObject({ reason: 'ATTESTATION_CONTRADICTED', reachedBy: ['n1', 'n2'] });
  });

  it.each([
    [22_250, 'NodeDownRejected'],
    [22_500, 'NodeDeclaredDown'],
  ])('with an attestation needs 3 s of silence: at %i ms', (untilMs, type) => {
    // The last beat of n1 came at 19,036; its clock then stands at the canary before `untilMs`.
    const observer = play({ nodes: { n1: {} }, untilMs, dead: { n1: [[20_000, FOREVER]] } });
    expect(declareDown(observer, 'n1', true)?.type).toBe(type);
  });

  it('is an answer to a lone node’s silence', () => {
    const observer = play({ nodes: { n1: {} }, untilMs: 40_000, dead: { n1: [[20_000, FOREVER]] } });
    const down = declareDown(observer, 'n1', false);
    expect(down).toMatchObject({ type: 'NodeDeclaredDown', data: { reason: 'operatorRequest', requestId } });
    expect(down?.data).toMatchObject({ evidence: { rule: 'operator', peers: [] } });
    expect(declareDown(observer, 'n1', false)?.data).toMatchObject({ reason: 'ALREADY_DOWN' });
  });

  it('is refused for a node that nobody knows', () => {
    const observer = play({ nodes: three, untilMs: 20_000 });
    expect(declareDown(observer, 'n9', false)?.data).toMatchObject({ reason: 'UNKNOWN_NODE' });
  });
});

describe('thawing by hand', () => {
  const twoDead: Script = { nodes: three, untilMs: 40_000, dead: { n2: [[20_000, FOREVER]], n3: [[20_000, FOREVER]] } };

  it('lets the nodes late then be judged by their evidence', () => {
    const observer = play(twoDead);
    expect(thaw(observer)).toMatchObject([{ type: 'ClusterThawed', data: { by: 'operator', requestId } }]);
    observer.handle(observer.judgement());
    expect(['n2', 'n3'].map((name) => observer.state.nodes[name]?.status)).toEqual(['down', 'down']);
    expect(observer.state.frozen).toBeNull();
  });

  it('is refused while all are silent', () => {
    const dead = { ...twoDead.dead, n1: [[20_000, FOREVER]] as const };
    expect(thaw(play({ ...twoDead, dead: dead }))[0]?.data).toMatchObject({
      reason: 'ALL_SILENT',
    });
  });

  it('is refused when nothing is frozen, or nobody is watched', () => {
    expect(thaw(play({ nodes: three, untilMs: 10_000 }))[0]?.data).toMatchObject({ reason: 'NOT_FROZEN' });
    expect(thaw(play({ nodes: {}, untilMs: 10_000 }))[0]?.data).toMatchObject({ reason: 'UNKNOWN_CLUSTER' });
  });
});
