import type { KafkaLink } from './kafka-link';
import { ReplayAsker } from './replay-asker';

const ROUND_MS = 250;
const hole = (from = 1) => ({ from, to: 9, partition: 0 });

let asked: string[];
let asker: ReplayAsker;
beforeEach(() => {
  jest.useFakeTimers();
  asked = [];
  const send = (_topic: string, _partition: number, [record]: [{ value: string }]) => {
    asked.push((JSON.parse(record.value) as { stream: string }).stream);
    return Promise.resolve();
  };
  asker = new ReplayAsker({ kafka: { send } as unknown as KafkaLink, consumer: 'c', source: '/services/s' });
});
afterEach(() => {
  asker.stop();
  jest.useRealTimers();
});

const streams = (n: number) => Array.from({ length: n }, (_, at) => `cluster-health-${at}`);

describe('what is missing', () => {
  it('is asked for in four streams at a time, and in the next as soon as one is answered', () => {
    for (const stream of streams(6)) asker.want(stream, hole());
    expect(asked).toEqual(streams(4));
    asker.satisfied('cluster-health-2');
    expect(asked).toEqual(streams(5));
  });

  it('is asked for again after 1 s, 2 s, 4 s, and no less often than each 60 s', () => {
    asker.want('cluster-health-x', hole());
    const counts = [999, 1, 1_999, 1, 3_999, 1].map((ms) => (jest.advanceTimersByTime(ms), asked.length));
    expect(counts).toEqual([1, 2, 2, 3, 3, 4]);
    jest.advanceTimersByTime(600_000);
    const before = asked.length;
    jest.advanceTimersByTime(60_000);
    expect(asked.length).toBe(before + 1);
  });

  it('is asked for at once when the hole moved on', () => {
    asker.want('cluster-health-x', hole(1));
    asker.want('cluster-health-x', hole(5));
    expect(asked).toHaveLength(2);
  });

  it.each([0, 500, 5_000, 100_000])(
    'is asked for within one round, whoever else gets no answer: 100 streams since %i ms',
    (ms) => {
      for (const stream of streams(100)) asker.want(stream, hole());
      jest.advanceTimersByTime(ms);
      asker.want('cluster-health-new', hole());
      jest.advanceTimersByTime((100 / 4 + 1) * ROUND_MS);
      expect(asked).toContain('cluster-health-new');
      // And none of the others is forgotten.
      jest.advanceTimersByTime(60_000);
      expect(new Set(asked).size).toBe(101);
    },
  );

  it('is asked for no more once it came, or once all ends', () => {
    for (const stream of streams(100)) asker.want(stream, hole());
    asker.satisfied('cluster-health-99');
    jest.advanceTimersByTime(60_000);
    expect(asked).not.toContain('cluster-health-99');
    asker.stop();
    const before = asked.length;
    jest.advanceTimersByTime(600_000);
    expect(asked).toHaveLength(before);
  });
});
