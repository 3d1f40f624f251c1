import { ClusterFrozen, TaskDeclined, TaskDeferred, TaskRecalled, VerdictWithheld } from '@holdfast/contracts';
import {
  assigned,
  admitted,
  confirmed,
  down,
  joined,
  moved,
  recovered,
  suspected,
  systemRegistered,
  taken,
} from '../testing/fleet';
import { AT, INCARNATION, story, told } from '../testing/told';
import type { FeedEvent } from '../projections/projection';
import { causeTree } from './causes';
import { whyCluster } from './cluster.why';
import { whyNode } from './node.why';
import { whySystem } from './system.why';
import { whyTask } from './task.why';

const typesOf = (events: readonly { type: string }[]) => events.map(({ type }) => type);

describe('why a node has its status', () => {
  const events = story(joined('n3'), recovered('n3'), suspected('n3'), down('n3'), moved('n3', 'n5', 8));

  it('names the rule, the last heartbeat, the peers, the freeze limit and what followed', () => {
    const why = whyNode('n3', { events, cluster: [] });
    expect(why.headline).toBe(
      'down since 10:42:06.27 (test-1@4)    rule: silent at deadline, two peers fail, nobody reaches it',
    );
    expect(why.lines).toEqual([
      { label: 'heartbeat', text: 'seq 84113 appended 10:42:01.02; deadline 10:42:06.02' },
      { label: 'log clock', text: '10:42:06.27 at samples/2@991204' },
      { label: 'peers', text: 'n1 timeout 0.9 s ago · n5 refused 0.3 s ago' },
      { label: 'freeze', text: '1 node late, limit 1: open' },
      { label: 'then', text: 'system/s1 moved to n5 (holdfast why system/s1)' },
    ]);
    expect(typesOf(why.chain)).toEqual(['NodeSuspected', 'NodeDeclaredDown', 'TaskMoved']);
  });

  it('says why no verdict follows a suspicion', () => {
    const withheld = told(VerdictWithheld, {
      clusterId: 'alpha',
      nodeId: 'n3',
      at: AT,
      verdict: 'down',
      brake: 'noEvidence',
    });
    const why = whyNode('n3', { events: story(recovered('n3'), suspected('n3'), withheld), cluster: [] });
    expect(why.headline).toMatch(/^suspect since/);
    expect(why.lines.at(-1)).toMatchObject({
      label: 'withheld',
      text: expect.stringContaining('absence alone decides nothing'),
    });
  });

  it('brings no suspicion of an earlier life', () => {
    const why = whyNode('n3', { events: story(suspected('n3'), recovered('n3'), down('n3')), cluster: [] });
    expect(typesOf(why.chain)).toEqual(['NodeDeclaredDown']);
  });
});

describe('why a system is served where it is', () => {
  const all = story(
    systemRegistered,
    admitted,
    assigned('n3', 7),
    confirmed('n3', 7),
    suspected('n3'),
    down('n3'),
    moved('n3', 'n5', 8),
    taken('n5', 8),
    confirmed('n5', 8),
  );
  const ofNodes = all.filter(({ type }) => type.startsWith('Node'));
  const ofTask = all.filter(({ type }) => !type.startsWith('Node'));

  it('goes back to the verdict, and names fence, choice and exclusions', () => {
    const why = whyTask({ subject: 'system/s1', events: ofTask, nodes: ofNodes });
    expect(why.headline).toBe('served by n5 since 10:42:06.90, epoch 8 (TaskMoved): n3 was declared down (test-1@6)');
    expect(why.lines).toEqual([
      { label: 'fence', text: 'claim 8 {n5} on the medium; write lock had after 0.3 s' },
      { label: 'chosen', text: 'n5 rank 2 of 2, load 0.41, bound 0.93' },
      { label: 'excluded', text: 'n3 down' },
    ]);
    expect(typesOf(why.chain)).toEqual([
      'NodeSuspected',
      'NodeDeclaredDown',
      'TaskMoved',
      'TaskTaken',
      'TaskStartConfirmed',
    ]);
  });

  it('keeps the decision that stands when a restarted agent is offered the same again', () => {
    const again = { ...assigned('n5', 8), position: 99 };
    expect(whyTask({ subject: 'system/s1', events: [...ofTask, again], nodes: ofNodes }).headline).toContain(
      '(TaskMoved)',
    );
  });

  it('says that no node can take it, and by which filters', () => {
    const ofServe = { clusterId: 'alpha', taskId: 'serve-s1', kind: 'serve' as const, subject: 'system/s1', at: AT };
    const deferred = told(TaskDeferred, { ...ofServe, blockedBy: { down: 2 } });
    const why = whyTask({ subject: 'system/s1', events: story(systemRegistered, admitted, deferred), nodes: [] });
    expect(why.headline).toBe('no node can take it now: down 2 (test-1@3)');
  });
});

describe('why a system stays with its owner', () => {
  const serve = [systemRegistered, admitted, assigned('n3', 7), confirmed('n3', 7)];
  const ofServe = { clusterId: 'alpha', taskId: 'serve-s1', kind: 'serve' as const, subject: 'system/s1', at: AT };
  const deferred = told(TaskDeferred, { ...ofServe, blockedBy: { impaired: 3 } });
  const whyAfter = (...nodes: FeedEvent[]) =>
    whyTask({ subject: 'system/s1', events: story(...serve, deferred), nodes: story(...nodes) });

  it('is a reason beside who serves it, unless that node is down', () => {
    expect(whyAfter(recovered('n3'))).toMatchObject({
      headline: expect.stringMatching(/^served by n3 since/) as string,
      lines: [{ label: 'deferred', text: 'since 10:42:06.27: no other node: impaired 3 (test-1@5)' }],
    });
    const recalled = told(TaskRecalled, { ...ofServe, nodeId: 'n3', epoch: 7, cause: 'operator' });
    const stopped = { subject: 'system/s1', events: story(...serve, recalled, deferred), nodes: [] };
    expect(whyTask(stopped).headline).toMatch(/^no node can take it now/);
    expect(whyAfter(recovered('n3'), down('n3')).headline).toMatch(/^no node can take it now: impaired 3/);
  });

  it('says why a node declined, and what to do', () => {
    const ofAgent = { clusterId: 'alpha', nodeId: 'n3', incarnation: INCARNATION, at: AT };
    const decline = { taskId: 'serve-s1', epoch: 7, code: 'NO_SPACE' as const, highestEpoch: null };
    const declined = told(TaskDeclined, { ...ofAgent, ...decline, message: '3 of 64 MiB left' });
    const { lines } = whyTask({ subject: 'system/s1', events: story(...serve, declined), nodes: [] });
    expect(lines).toEqual([
      { label: 'declined', text: 'n3 at epoch 7: NO_SPACE, 3 of 64 MiB left' },
      { label: 'remedy', text: expect.stringMatching(/^add space to the medium/) as string },
    ]);
  });

  it('calls the node that an operator moved it off moved off, not declined', () => {
    const order = moved('n3', 'n5', 8);
    const { placement } = order.data as { placement: object };
    const excluded = [{ nodeId: 'n3', filter: 'declined' }, { nodeId: 'n4', filter: 'declined' }]; // prettier-ignore
    const byHand = {
      ...order,
      data: { ...(order.data as object), cause: 'operator', placement: { ...placement, excluded } },
    };
    const { lines } = whyTask({ subject: 'system/s1', events: story(...serve, byHand), nodes: [] });
    expect(lines).toContainEqual({ label: 'excluded', text: 'n3 moved off · n4 declined' });
  });
});

describe('the headline of why a system is where it is', () => {
  const served = { subject: 'system/s1', headline: 'served by n1', lines: [], chain: [] };
  const standing = { nodeId: 'n1', nodeStatus: 'down' as const, brake: undefined, remedy: 'start n1' };
  const serving = (state: 'unserved' | 'pending' | 'served' | 'retired', reason: string | null) => ({
    serving: { state, since: AT, reason },
  });

  it('agrees with what clients notice: unserved, by which cause, and what to do', () => {
    const stuck = { ...standing, ...serving('unserved', 'no other node can take over') };
    expect(whySystem(served, stuck)).toMatchObject({
      headline: 'unserved since 10:42:06.27: n1 is down; no other node can take over',
      lines: [
        { label: 'before', text: 'served by n1' },
        { label: 'remedy', text: 'start n1' },
      ],
    });
    const moving = { ...standing, ...serving('unserved', 'n1 is down, another node takes over') };
    expect(whySystem(served, moving).headline).toBe('unserved since 10:42:06.27: n1 is down, another node takes over');
  });

  it('names the brake of a pending system, and keeps the story of one that is served', () => {
    const brake = { text: 'frozen, thaw alpha', remedy: 'holdfast thaw alpha' };
    const pending = { ...standing, ...serving('pending', brake.text), brake };
    expect(whySystem(served, pending).headline).toBe('pending since 10:42:06.27: frozen, thaw alpha');
    expect(whySystem(served, { ...standing, ...serving('served', null), remedy: null })).toEqual(served);
  });
});

it('says why a cluster is frozen, and that nothing holds one that is not', () => {
  const frozen = told(ClusterFrozen, {
    clusterId: 'alpha',
    at: AT,
    cause: 'massSilence',
    lateNodeIds: ['n1', 'n2'],
    limit: 1,
  });
  expect(whyCluster('alpha', story(frozen)).headline).toBe(
    'frozen since 10:42:06.27 (test-1@1): 2 nodes late (n1, n2), limit 1; thaw alpha',
  );
  expect(whyCluster('alpha', []).headline).toContain('nothing holds alpha');
});

it('puts each event under the one that led to it', () => {
  const [first, second, third] = story(joined('n1'), recovered('n1'), down('n1'));
  const tree = causeTree([
    { ...first!, causationId: first!.id },
    { ...second!, causationId: first!.id },
    { ...third!, causationId: second!.id },
  ]);
  expect(tree).toHaveLength(1);
  expect(tree[0]!.effects[0]!.effects[0]!.event.type).toBe('NodeDeclaredDown');
});
