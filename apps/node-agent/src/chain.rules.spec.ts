import {
  filesOfPoint,
  foldsOf,
  layerFile,
  withLayer,
  withoutLayersAbove,
  withoutMerged,
  withoutPins,
  withoutPointsIn,
  withPin,
  withPoint,
  type Chain,
} from './chain.rules';

const layers = (...ks: number[]) => ks.map((k) => ({ k, file: layerFile('v1', k, 1) }));
const volume = (...ks: number[]) => ({ volumeId: 'v1', sizeBytes: 65_536, layers: layers(...ks) });
const chain = (...ks: number[]): Chain => ({ volumes: [volume(...ks)], points: [], pins: [] });
const ksOf = ({ volumes }: Chain) => volumes.map((one) => one.layers.map(({ k }) => k));
const [none, foldAbove] = [[] as Chain['pins'], 4];

describe('the list of layers', () => {
  it('names the files of a point: all layers up to its own', () => {
    expect(filesOfPoint(chain(1, 2, 3), 2)).toEqual([{ volumeId: 'v1', files: ['v1.1.e1.qcow2', 'v1.2.e1.qcow2'] }]);
  });

  it('names the epoch of a new layer in its file', () => {
    expect(withLayer(chain(1), 2, 7).volumes[0]!.layers[1]).toEqual({ k: 2, file: 'v1.2.e7.qcow2' });
  });

  it('is the very same object after a rule that changes nothing, or it would be written anew', () => {
    const noted = withPoint(chain(1, 2, 3), { k: 2, pointId: 'p1', at: '2026-05-01T10:00:00.000Z' }, 't-1');
    const changesNothing: [string, (list: Chain) => Chain][] = [
      ['withoutLayersAbove', (list) => withoutLayersAbove(list, 3)],
      ['withPin', (list) => withPin(list, { k: 2, by: 't-1' })],
      ['withoutPins', (list) => withoutPins(list, () => false)],
      ['withoutPointsIn', (list) => withoutPointsIn(list, [])],
      ['withoutMerged', (list) => withoutMerged(list, new Map([['v1', { chain: [1, 2, 3] }]]))],
    ];
    const changed = changesNothing.filter(([, rule]) => rule(noted) !== noted).map(([name]) => name);
    expect(changed).toEqual([]);
  });

  it('loses what lies above the top, and only that', () => {
    expect(ksOf(withoutLayersAbove(chain(1, 2, 3), 2))).toEqual([[1, 2]]);
  });

  it('notes a point with its pin, and the same pin once', () => {
    const noted = withPoint(chain(1, 2), { k: 1, pointId: 'p1', at: '2026-05-01T10:00:00.000Z' }, 't-1');
    expect(noted.pins).toEqual([{ k: 1, by: 't-1' }]);
    expect(withPin(noted, { k: 1, by: 't-1' }).pins).toHaveLength(1);
    expect(withPin(noted, { k: 1, by: 't-2' }).pins).toHaveLength(2);
  });

  it('loses the pins of tasks that are over', () => {
    const pinned = withPin(withPin(chain(1, 2), { k: 1, by: 't-1' }), { k: 1, by: 't-2' });
    expect(withoutPins(pinned, (by) => by === 't-1').pins).toEqual([{ k: 1, by: 't-2' }]);
  });

  it('loses the layers below the top that the daemon has merged, and nothing where its answer is not understood', () => {
    const listed = chain(1, 2, 3, 4, 5);
    const open = (...ks: number[]) => new Map([['v1', { chain: ks }]]);
    expect(ksOf(withoutMerged(listed, open(1, 3, 4)))).toEqual([[1, 3, 4, 5]]); // 5 is the next, not merged
    for (const strange of [open(), open(3, 4), new Map<string, { chain: number[] }>()])
      expect(withoutMerged(listed, strange)).toBe(listed);
  });
});

describe('a fold', () => {
  it('is due above so many layers in use, not at so many, the next one not counted', () => {
    expect(foldsOf(volume(1, 2, 3, 4, 5), { pins: none, top: 4, foldAbove })).toEqual([]);
    expect(foldsOf(volume(1, 2, 3, 4, 5), { pins: none, top: 5, foldAbove })).toMatchObject([
      { base: { k: 1 }, top: { k: 3 }, above: { k: 4 } },
    ]);
  });

  it('leaves the top and the layer below it alone', () => {
    expect(foldsOf(volume(1, 5, 6), { pins: none, top: 6, foldAbove: 2 })).toEqual([]);
    expect(foldsOf(volume(1, 4, 5, 6), { pins: none, top: 6, foldAbove: 2 })[0]?.top.k).toBe(4);
  });

  it('leaves each pinned layer as it is, and folds what lies below, between and above', () => {
    const pins = [
      { k: 3, by: 't1' },
      { k: 6, by: 't2' },
    ];
    expect(foldsOf(volume(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), { pins, top: 10, foldAbove })).toMatchObject([
      { base: { k: 1 }, top: { k: 2 }, above: { k: 3 } },
      { base: { k: 4 }, top: { k: 5 }, above: { k: 6 } },
      { base: { k: 7 }, top: { k: 8 }, above: { k: 9 } },
    ]);
  });

  it('is nothing where every layer is alone between two pins', () => {
    const pins = [2, 4, 5].map((k) => ({ k, by: `t${k}` }));
    expect(foldsOf(volume(1, 2, 3, 4, 5, 6, 7, 8), { pins, top: 8, foldAbove })).toEqual([]);
  });

  it('gives up the points that it destroys: those at all merged layers but the last', () => {
    const at = '2026-05-01T10:00:00.000Z';
    const points = [1, 2, 3, 4].map((k) => ({ k, pointId: `p${k}`, at }));
    const due = foldsOf(volume(1, 2, 3, 4, 5), { pins: none, top: 5, foldAbove });
    const left = withoutPointsIn({ ...chain(1, 2, 3, 4, 5), points }, due).points;
    expect(left.map(({ pointId }) => pointId)).toEqual(['p3', 'p4']);
  });
});
