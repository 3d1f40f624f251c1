import fc from 'fast-check';
import { probePlan, type PlannedNode } from './probe-plan';
import { node } from './simulated-fleet';

const planned = (name: string, zone = 'z1'): PlannedNode => ({ nodeId: node(name), zone, dataAddress: '127.0.0.1' });
const zonesAround = (nodes: PlannedNode[], target: PlannedNode, of: readonly string[]) =>
  new Set(nodes.filter((one) => one !== target && of.includes(one.nodeId)).map(({ zone }) => zone));
const someNodes = fc
  .uniqueArray(fc.tuple(fc.integer({ min: 1, max: 99 }), fc.constantFrom('a', 'b', 'c')), {
    selector: ([number]) => number,
    minLength: 1,
    maxLength: 20,
  })
  .map((pairs) => pairs.map(([number, zone]) => planned(`n${number}`, zone)));

describe('a probe plan', () => {
  it('has nobody to probe a node that is alone', () => {
    expect(probePlan([planned('n1')])).toEqual([]);
  });

  it('has all others probe a node of three', () => {
    const edges = probePlan([planned('n1'), planned('n2'), planned('n3')]);
    expect(edges.map(({ fromNodeId, toNodeId }) => `${fromNodeId}>${toNodeId}`)).toEqual([
      'n2>n1',
      'n3>n1',
      'n1>n2',
      'n3>n2',
      'n1>n3',
      'n2>n3',
    ]);
  });

  it('gives each node three probers, or all; of two zones wherever the others are; two from elsewhere if they are', () => {
    fc.assert(
      fc.property(someNodes, (nodes) => {
        const edges = probePlan(nodes);
        for (const target of nodes) {
          const probers = edges.filter(({ toNodeId }) => toNodeId === target.nodeId).map((edge) => edge.fromNodeId);
          const others = nodes.filter((one) => one !== target);
          const elsewhere = others.filter(({ zone }) => zone !== target.zone);
          expect(probers).toHaveLength(Math.min(3, others.length));
          expect(zonesAround(nodes, target, probers).size).toBeGreaterThanOrEqual(
            Math.min(2, new Set(others.map(({ zone }) => zone)).size),
          );
          const fromElsewhere = elsewhere.filter(({ nodeId }) => probers.includes(nodeId)).length;
          expect(fromElsewhere).toBeGreaterThanOrEqual(Math.min(2, elsewhere.length));
        }
      }),
    );
  });

  it('does not depend on the order of its nodes', () => {
    fc.assert(fc.property(someNodes, (nodes) => expect(probePlan([...nodes].reverse())).toEqual(probePlan(nodes))));
  });
});
