import { Problem } from '../http/problem';
import { admitCluster, admitNode, evolve, nobody, nodeOf, notFound, type MembershipEvent } from './membership';

const cluster = (clusterId: string, ...addressRanges: string[]) =>
  ({ type: 'ClusterRegistered', data: { clusterId, addressRanges } }) as unknown as MembershipEvent;
const node = (nodeId: string, clusterId: string, dataAddress: string) =>
  ({ type: 'NodeJoined', data: { nodeId, clusterId, dataAddress } }) as unknown as MembershipEvent;
const retired = (nodeId: string) => ({ type: 'NodeRetired', data: { nodeId } }) as unknown as MembershipEvent;

const fleet = [cluster('alpha', '127.9.1.0/24'), node('n1', 'alpha', '127.9.0.1')].reduce(evolve, nobody);
const refusal = (wish: () => unknown): Partial<Problem> | undefined => {
  try {
    wish();
    return undefined;
  } catch (error) {
    return { code: (error as Problem).code, remedy: (error as Problem).remedy };
  }
};
const wish = { clusterId: 'alpha', nodeId: 'n2', dataAddress: '127.9.0.2' };

describe('membership', () => {
  it('admits a node of a known cluster at an address of its own', () => {
    expect(refusal(() => admitNode(wish, fleet))).toBeUndefined();
  });

  it('names nothing near where what is asked for is known, and gone', () => {
    expect(refusal(() => notFound('system', 's1', ['s1', 'another-one']))?.remedy).not.toContain('did you mean');
  });

  it('refuses a node of an unknown cluster, naming the nearest', () => {
    expect(refusal(() => admitNode({ ...wish, clusterId: 'alpa' }, fleet))).toMatchObject({
      code: 'NOT_FOUND',
      remedy: expect.stringContaining('did you mean alpha?'),
    });
  });

  it('refuses a node id that is taken in any cluster, until that node is retired', () => {
    const two = evolve(fleet, cluster('beta', '127.9.2.0/24'));
    const taken = { ...wish, nodeId: 'n1', clusterId: 'beta' };
    expect(refusal(() => admitNode(taken, two))).toMatchObject({ code: 'NODE_EXISTS' });
    expect(refusal(() => admitNode(taken, evolve(two, retired('n1'))))).toBeUndefined();
  });

  it('refuses a data address inside a range kept for systems, of any cluster, at both its ends', () => {
    for (const dataAddress of ['127.9.1.0', '127.9.1.255']) {
      expect(refusal(() => admitNode({ ...wish, dataAddress }, fleet))).toMatchObject({ code: 'DATA_ADDRESS_TAKEN' });
    }
    for (const dataAddress of ['127.9.0.255', '127.9.2.0']) {
      expect(refusal(() => admitNode({ ...wish, dataAddress }, fleet))).toBeUndefined();
    }
  });

  it("refuses another node's data address", () => {
    expect(refusal(() => admitNode({ ...wish, dataAddress: '127.9.0.1' }, fleet))).toMatchObject({
      code: 'DATA_ADDRESS_TAKEN',
    });
  });

  it('refuses a cluster that exists, or whose ranges others use', () => {
    const range = (clusterId: string, addressRange: string) =>
      refusal(() => admitCluster({ clusterId, addressRanges: [addressRange] }, fleet));
    expect(range('alpha', '127.9.3.0/24')).toMatchObject({ code: 'CLUSTER_EXISTS' });
    expect(range('beta', '127.9.1.128/25')).toMatchObject({ code: 'ADDRESS_RANGE_TAKEN' });
    expect(range('beta', '127.9.0.0/16')).toMatchObject({ code: 'ADDRESS_RANGE_TAKEN' });
    expect(range('beta', '127.9.0.1/32')).toMatchObject({ code: 'ADDRESS_RANGE_TAKEN' });
    expect(range('beta', '127.9.2.0/24')).toBeUndefined();
  });

  it('finds the home of a node', () => {
    expect(nodeOf('n1', fleet)).toMatchObject({ clusterId: 'alpha' });
  });
});
