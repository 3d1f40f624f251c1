import { NbdClient, NbdError } from '@holdfast/nbd';
import { probe, Prober } from './prober';

describe('a probe', () => {
  afterEach(() => jest.restoreAllMocks());
  const failWith = (code: string) => {
    const cause = Object.assign(new Error(`connect ${code}`), { code });
    jest.spyOn(NbdClient, 'connect').mockRejectedValue(new NbdError('NBD_UNREACHABLE', cause.message, { cause }));
  };
  const unreachableFor = (code: string) => {
    failWith(code);
    return probe('127.0.0.1', false);
  };

  it.each(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL'])(
    'says nothing of the peer when this node is short of something: %s',
    async (code) => expect(await unreachableFor(code)).toBeUndefined(),
  );

  it.each(['ECONNREFUSED', 'EHOSTUNREACH'])('says that the peer refused: %s', async (code) =>
    expect(await unreachableFor(code)).toMatchObject({ outcome: 'refused' }),
  );

  it('that could not be made takes the last one’s outcome away: it says nothing of now', async () => {
    jest.useFakeTimers({ now: 0 });
    const prober = new Prober();
    prober.plan([{ nodeId: 'n2', dataAddress: '127.0.0.1' }]);
    prober.start();
    failWith('ECONNREFUSED');
    await jest.advanceTimersByTimeAsync(1_000);
    expect(prober.seen()).toMatchObject([{ nodeId: 'n2', outcome: 'refused' }]);
    failWith('EMFILE');
    await jest.advanceTimersByTimeAsync(1_000);
    expect(prober.seen()).toEqual([]);
    prober.stop();
    jest.useRealTimers();
  });
});
