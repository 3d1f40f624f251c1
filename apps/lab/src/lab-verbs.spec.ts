import { carryOut, type Lab, type LabPart } from './lab-verbs';

function labWith(parts: Record<string, LabPart>, served: string[] = [], carried: string[] = []): Lab {
  return {
    parts: () => new Map(Object.entries(parts)),
    servedBy: () => served,
    carriedBy: () => carried,
    clusterSize: (nodeId) => ({ alpha: 3, beta: 2 })[nodeId.split('-')[0]!] ?? 1,
    summary: () => ['s1: writing'],
  };
}

const node = (state = 'running') => ({ state, kill: jest.fn(), start: jest.fn(), pause: () => 4, resume: () => 4 });

describe('the lab', () => {
  it('kills a node and says where its systems will be, and when', async () => {
    const part = node();
    const answer = await carryOut(labWith({ 'node/alpha-1': part }, ['s1']), { verb: 'kill', target: 'node/alpha-1' });
    expect(part.kill).toHaveBeenCalledTimes(1);
    expect(answer).toEqual({
      ok: true,
      message: 'node/alpha-1: killed',
      expect: 'down in 5–6 s, s1 served elsewhere; a second kill within 10 s may freeze the cluster',
    });
  });

  it.each([
    [['s1'], ['t-1'], 's1 served elsewhere, its task t-1 goes on elsewhere from its last sealed piece'],
    [[], ['t-1', 't-2'], 'its 2 tasks go on elsewhere from their last sealed piece'],
  ])('says that background work goes on elsewhere too: %j %j', async (served, carried, told) => {
    const lab = labWith({ 'node/alpha-1': node() }, served, carried);
    const { expect: follows } = await carryOut(lab, { verb: 'kill', target: 'node/alpha-1' });
    expect(follows).toBe(`down in 5–6 s, ${told}; a second kill within 10 s may freeze the cluster`);
  });

  it('says that nothing moves from a node that neither serves nor works', async () => {
    const { expect: follows } = await carryOut(labWith({ 'node/beta-1': node() }), {
      verb: 'kill',
      target: 'node/beta-1',
    });
    expect(follows).toBe('suspect, then down in 7–8 s; it serves nothing, nothing moves');
  });

  it('says that nobody can take over from the only node of a cluster', async () => {
    const answer = await carryOut(labWith({ 'node/gamma-1': node() }, ['s4']), {
      verb: 'kill',
      target: 'node/gamma-1',
    });
    expect(answer.expect).toContain('no other node can take over s4');
  });

  it('starts what is dead and refuses to kill it again', async () => {
    const part = node('dead');
    const lab = labWith({ 'node/alpha-1': part });
    expect(await carryOut(lab, { verb: 'kill', target: 'node/alpha-1' })).toMatchObject({
      ok: false,
      code: 'NOT_RUNNING',
    });
    expect(await carryOut(lab, { verb: 'start', target: 'node/alpha-1' })).toMatchObject({ ok: true });
    expect(part.kill).not.toHaveBeenCalled();
  });

  it('names what exists when asked for what does not', async () => {
    const answer = await carryOut(labWith({ kafka: { state: 'running' } }), { verb: 'kill', target: 'node/n9' });
    expect(answer).toEqual({ ok: false, code: 'NOT_FOUND', message: 'there is no node/n9', remedy: 'one of kafka' });
  });

  it('names what a part can do when asked for what it cannot', async () => {
    const lab = labWith({ kafka: { state: 'running', kill: () => undefined, stop: () => undefined } });
    expect(await carryOut(lab, { verb: 'pause', target: 'kafka' })).toMatchObject({
      code: 'NOT_POSSIBLE',
      remedy: 'it knows kill, stop',
    });
  });

  it('shows every part and every client', async () => {
    const { message } = await carryOut(labWith({ kafka: { state: 'running' } }), { verb: 'status' });
    expect(message).toMatch(/^kafka +running\ns1: writing$/);
  });
});
