import { NbdClient, NbdError } from '@holdfast/nbd';
import { probe } from './prober';

describe('a probe', () => {
  afterEach(() => jest.restoreAllMocks());
  const unreachableFor = (code: string) => {
    const cause = Object.assign(new Error(`connect ${code}`), { code });
    jest.spyOn(NbdClient, 'connect').mockRejectedValue(new NbdError('NBD_UNREACHABLE', cause.message, { cause }));
    return probe('127.0.0.1', false);
  };

  it.each(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL'])(
    'says nothing of the peer when this node is short of something: %s',
    async (code) => expect(await unreachableFor(code)).toBeUndefined(),
  );

  it.each(['ECONNREFUSED', 'EHOSTUNREACH'])('says that the peer refused: %s', async (code) =>
    expect(await unreachableFor(code)).toMatchObject({ outcome: 'refused' }),
  );
});
