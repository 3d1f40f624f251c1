import fc from 'fast-check';
import { foldsOf, withLayer, withoutMerged, withoutPins, withoutPointsIn, withPoint, type Chain } from './chain.rules';

// The same stories at each run: one that fails, fails again.
fc.configureGlobal({ seed: 20_260_101 });

type Act =
  | { act: 'write'; block: number; value: number }
  | { act: 'freeze' }
  | { act: 'unpin'; whose: 'all' | 'first' | 'last' }
  | { act: 'fold' };

const acts = fc.array(
  fc.oneof(
    fc.record({ act: fc.constant('write' as const), block: fc.nat(5), value: fc.integer({ min: 1, max: 99 }) }),
    fc.record({ act: fc.constant('freeze' as const) }),
    fc.record({
      act: fc.constant('unpin' as const),
      whose: fc.constantFrom('all' as const, 'first' as const, 'last' as const),
    }),
    fc.record({ act: fc.constant('fold' as const) }),
  ),
  { maxLength: 120, size: 'max' },
);

type Blocks = Map<number, number>;

/** Layers as the engine has them: each holds what was written to it, a fold moves it into the lowest. */
class Model {
  chain: Chain = {
    volumes: [{ volumeId: 'v1', sizeBytes: 65_536, layers: [{ k: 1, file: 'v1.1.e1.qcow2' }] }],
    points: [],
    pins: [],
  };
  top = 1;
  readonly frozen = new Map<string, Blocks>();
  private readonly held = new Map<number, Blocks>([[1, new Map()]]);

  write(block: number, value: number): void {
    this.held.get(this.top)!.set(block, value);
  }

  freeze(): void {
    const point = { k: this.top, pointId: `p${this.top}`, at: '2026-05-01T10:00:00.000Z' };
    this.chain = withPoint(withLayer(this.chain, this.top + 1, 1), point, `t-${this.top}`);
    this.frozen.set(point.pointId, this.read(this.top));
    this.top++;
    this.held.set(this.top, new Map());
  }

  unpin(whose: 'all' | 'first' | 'last'): void {
    const over = this.chain.pins.at(whose === 'first' ? 0 : -1)?.by;
    this.chain = withoutPins(this.chain, (by) => whose === 'all' || by === over);
  }

  fold(): void {
    const due = foldsOf(this.chain.volumes[0]!, { pins: this.chain.pins, top: this.top, foldAbove: 3 });
    this.chain = withoutPointsIn(this.chain, due);
    for (const { base, top } of due) {
      const merged = this.layers().filter((k) => k > base.k && k <= top.k);
      for (const k of merged) for (const [block, value] of this.held.get(k)!) this.held.get(base.k)!.set(block, value);
      const open = this.layers().filter((k) => !merged.includes(k));
      this.chain = withoutMerged(this.chain, new Map([['v1', { chain: open }]]));
    }
  }

  /** What a reader of the listed layers up to this one sees. */
  read(k: number): Blocks {
    const below = this.layers().filter((one) => one <= k);
    return new Map(below.flatMap((one) => [...this.held.get(one)!]));
  }

  private layers(): number[] {
    return this.chain.volumes[0]!.layers.map(({ k }) => k);
  }
}

describe('any order of writes, freezes, unpins and folds', () => {
  it('leaves every listed point as it was frozen, every pinned one listed, and the volume as it was written', () => {
    fc.assert(
      fc.property(acts, (given: Act[]) => {
        const model = new Model();
        const written: Blocks = new Map();
        for (const one of given) {
          if (one.act === 'write') {
            model.write(one.block, one.value);
            written.set(one.block, one.value);
          } else if (one.act === 'unpin') model.unpin(one.whose);
          else model[one.act]();

          const { points, pins } = model.chain;
          const changed = points.filter(({ k, pointId }) => differ(model.read(k), model.frozen.get(pointId)!));
          const unlisted = pins.filter((pin) => !points.some(({ k }) => k === pin.k));
          if (changed.length + unlisted.length > 0 || differ(model.read(model.top), written)) return false;
        }
        return true;
      }),
    );
  });
});

function differ(one: Blocks, other: Blocks): boolean {
  return one.size !== other.size || [...one].some(([block, value]) => other.get(block) !== value);
}
