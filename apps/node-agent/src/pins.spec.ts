import { Pinners } from './pins';

describe('who may pin', () => {
  it('is everybody who was not told to be over, where nobody was told who is open', () => {
    const pinners = new Pinners();
    pinners.drop('t1');
    expect([pinners.isOver('t1'), pinners.isOver('t2')]).toEqual([true, false]);
  });

  it('is only who is open, or froze something since, from a new epoch on', () => {
    const pinners = new Pinners();
    pinners.begin(['t1']);
    pinners.add('t2');
    expect(['t1', 't2', 't3'].map((by) => pinners.isOver(by))).toEqual([false, false, true]);
    pinners.drop('t1');
    expect(pinners.isOver('t1')).toBe(true);
  });

  it('is whoever asks again after it was over', () => {
    const pinners = new Pinners();
    pinners.drop('t1');
    pinners.add('t1');
    expect(pinners.isOver('t1')).toBe(false);
  });

  it('remembers a task no longer than its pins are there', () => {
    const pinners = new Pinners();
    pinners.drop('t1');
    const gone = pinners.toUnpin;
    pinners.drop('t2');
    pinners.forget(gone);
    expect(pinners.toUnpin).toEqual(['t2']);
    pinners.begin(['t2', 't3']);
    pinners.drop('t3');
    expect([pinners.toUnpin, pinners.isOver('t3')]).toEqual([[], true]); // it is open no more
  });
});
