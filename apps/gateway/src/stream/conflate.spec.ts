import { Conflator } from './conflate';

describe('conflation', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('lets the first through at once, then the newest of each interval, each key by itself', () => {
    const sent: string[] = [];
    const conflator = new Conflator<string>(250, (item) => sent.push(item));
    conflator.offer('n1', 'a');
    conflator.offer('n1', 'b');
    conflator.offer('n1', 'c');
    conflator.offer('n2', 'x');
    expect(sent).toEqual(['a', 'x']);
    jest.advanceTimersByTime(249);
    expect(sent).toEqual(['a', 'x']);
    jest.advanceTimersByTime(1);
    expect(sent).toEqual(['a', 'x', 'c']);
    jest.advanceTimersByTime(1_000);
    conflator.offer('n1', 'd');
    expect(sent).toEqual(['a', 'x', 'c', 'd']);
    conflator.close();
  });
});
