import { carryOut, type Lab, type LabPart } from './lab-verbs';
import type { Outlook } from './outlook';

const outlook: Outlook = {
  ...{ serves: ['s1'], carries: [], peers: 2, anotherIsSilent: false, takers: 2, drained: [] },
  ...{ maintenanceUntil: null, heldBy: null },
};

function labWith(parts: Record<string, LabPart>): Lab {
  return { parts: () => new Map(Object.entries(parts)), outlook: () => outlook, summary: () => ['s1: writing'] };
}

const node = (state = 'running') => ({ state, kill: jest.fn(), start: jest.fn(), pause: () => 4, resume: () => 4 });

describe('the lab', () => {
  it('kills a node and says where its systems will be, and when', async () => {
    const part = node();
    const answer = await carryOut(labWith({ 'node/alpha-1': part }), { verb: 'kill', target: 'node/alpha-1' });
    expect(part.kill).toHaveBeenCalledTimes(1);
    expect(answer).toEqual({
      ok: true,
      message: 'node/alpha-1: killed',
      expect: 'down in 5–6 s, s1 served elsewhere; a second kill within 10 s may freeze the cluster',
    });
  });

  it('says of a part that it comes back, or stays away', async () => {
    const lab = labWith({ kafka: { state: 'running', kill: () => undefined, stop: () => undefined } });
    expect((await carryOut(lab, { verb: 'kill', target: 'kafka' })).expect).toMatch(/^back within seconds by itself/);
    expect((await carryOut(lab, { verb: 'stop', target: 'kafka' })).expect).toMatch(/^stays stopped until: holdfast/);
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
