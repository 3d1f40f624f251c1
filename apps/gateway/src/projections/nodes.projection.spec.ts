import {
  NodeCordoned,
  NodeFoundImpaired,
  NodeRetired,
  NodeSuspicionWithdrawn,
  VerdictWithheld,
} from '@holdfast/contracts';
import { down, joined, opened, recovered, suspected } from '../testing/fleet';
import { asked, AT, rowsOf, story, told } from '../testing/told';
import { nodesProjection } from './nodes.projection';

const nodeAfter = (...events: Parameters<typeof story>) => rowsOf(nodesProjection, story(...events)).get('n3');
const inAlpha = { clusterId: 'alpha', nodeId: 'n3', at: AT };

describe('the nodes projection', () => {
  it('shows a registered node as joining until it is first healthy', () => {
    expect(nodeAfter(joined('n3'))).toMatchObject({ membership: 'member', status: 'joining', zone: 'z1' });
    expect(nodeAfter(joined('n3'), recovered('n3'))).toMatchObject({ status: 'healthy', since: AT });
  });

  it('follows suspicion, verdict and return', () => {
    const silent = [joined('n3'), recovered('n3'), suspected('n3')];
    expect(nodeAfter(...silent)).toMatchObject({ status: 'suspect', since: '2026-03-01T10:42:06.200000Z' });
    expect(nodeAfter(...silent, down('n3'))).toMatchObject({ status: 'down', since: AT });
    expect(nodeAfter(...silent, down('n3'), recovered('n3'))).toMatchObject({ status: 'healthy' });
  });

  it('withdraws a suspicion to healthy', () => {
    const withdrawn = told(NodeSuspicionWithdrawn, { ...inAlpha, reason: 'heartbeat' });
    expect(nodeAfter(joined('n3'), suspected('n3'), withdrawn)).toMatchObject({ status: 'healthy' });
  });

  it('keeps a withheld verdict beside the status, and forgets it with the next one', () => {
    const withheld = told(VerdictWithheld, { ...inAlpha, verdict: 'down', brake: 'noEvidence' });
    expect(nodeAfter(suspected('n3'), withheld)).toMatchObject({
      status: 'suspect',
      withheld: { verdict: 'down', brake: 'noEvidence' },
    });
    expect(nodeAfter(suspected('n3'), withheld, recovered('n3'))).toMatchObject({ withheld: null });
  });

  it('names the part that makes a node impaired', () => {
    const evidence = { rule: 'reportedImpaired' as const, peers: [], lateNodes: 0, limit: 1 };
    const impaired = told(NodeFoundImpaired, { ...inAlpha, part: 'engine', code: 'ENGINE_DEAD', evidence });
    expect(nodeAfter(joined('n3'), impaired)).toMatchObject({
      status: 'impaired',
      impairment: { part: 'engine', code: 'ENGINE_DEAD' },
    });
  });

  it('gives the same row whether health or the registration is heard first', () => {
    const { since: _, ...first } = nodeAfter(joined('n3'), recovered('n3'), opened('n3'))!;
    const { since: __, ...second } = nodeAfter(recovered('n3'), opened('n3'), joined('n3'))!;
    expect(second).toEqual(first);
  });

  it('forgets what was when a retired node joins again', () => {
    const retired = told(NodeRetired, { ...asked, clusterId: 'alpha', nodeId: 'n3' });
    const cordoned = told(NodeCordoned, { ...inAlpha, cause: 'suspect' });
    expect(nodeAfter(joined('n3'), cordoned, retired)).toMatchObject({ membership: 'retired' });
    expect(nodeAfter(joined('n3'), cordoned, retired, joined('n3'))).toMatchObject({
      membership: 'member',
      status: 'joining',
      placement: { state: 'unknown' },
    });
  });
});
