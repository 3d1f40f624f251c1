import { canonical } from '@holdfast/kernel';
import { dataBytes, lengthOfPiece, MIB, parseManifest, PIECE_BYTES, piecesOf, sha256 } from './manifest';

const hash = sha256('a');
const sizeBytes = PIECE_BYTES + MIB + 512;
const last = { n: 1, bytes: MIB + 512, sha256PerMiB: [null, hash] };
const first = { n: 0, bytes: PIECE_BYTES, sha256PerMiB: Array.from({ length: 16 }, () => hash) };
const manifest = { volumes: [{ volumeId: 'v1', sizeBytes, pieces: [first, last] }] };

describe('a manifest', () => {
  it('is one text for one content, however it was put together', () => {
    const reordered = { volumes: [{ pieces: [first, last], sizeBytes, volumeId: 'v1' }] };
    expect(canonical(reordered)).toBe(canonical(manifest));
  });

  it('is read back as it was written', () => {
    expect(parseManifest(canonical(manifest))).toEqual(manifest);
    expect(piecesOf(manifest).map(({ volumeId, n }) => `${volumeId}.${n}`)).toEqual(['v1.0', 'v1.1']);
  });

  it('counts what pieces hold, to the last byte, and no zeroes', () => {
    expect([dataBytes(first), dataBytes(last)]).toEqual([PIECE_BYTES, 512]);
  });

  it('has pieces of 16 MiB, a shorter last one, and none beyond the volume', () => {
    expect([0, 1, 2].map((n) => lengthOfPiece(n, sizeBytes))).toEqual([PIECE_BYTES, MIB + 512, 0]);
  });

  const spoilt = (change: (piece: typeof first, volume: { volumeId: string; pieces: object[] }) => void) => {
    const copy = structuredClone(manifest);
    change(copy.volumes[0]!.pieces[0] as typeof first, copy.volumes[0]!);
    return canonical(copy);
  };
  it.each([
    ['a volume whose name leads elsewhere', spoilt((_, volume) => void (volume.volumeId = '../s2/v1'))],
    ['a piece longer than the volume has it', spoilt((piece) => void (piece.bytes = PIECE_BYTES - 1))],
    ['a piece without a hash for each MiB', spoilt((piece) => void piece.sha256PerMiB.pop())],
    ['a hash that is none', spoilt((piece) => void (piece.sha256PerMiB[0] = '../x'))],
    ['a piece twice', spoilt((piece, volume) => void volume.pieces.unshift(piece))],
    ['a field that nobody knows', spoilt((piece) => void Object.assign(piece, { file: '/etc/passwd' }))],
    ['no volumes', '{"volumes":[]}'],
    ['no JSON', '{"volumes":'],
  ])('refuses %s', (_what, text) => expect(parseManifest(text)).toBeUndefined());
});
