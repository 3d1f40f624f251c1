import { Ledger } from './ledger';

const write = (sequence: number) => ({ volume: 's1/v1', block: 3, sequence });

describe('a ledger', () => {
  it('accepts the last acknowledged write', () => {
    const ledger = new Ledger();
    ledger.acknowledged(write(1));
    ledger.acknowledged(write(2));
    expect(ledger.check('s1/v1', 3, write(2))).toBeUndefined();
  });

  it('accepts a later write whose answer never came', () => {
    const ledger = new Ledger();
    ledger.acknowledged(write(1));
    ledger.sent(write(2));
    expect(ledger.check('s1/v1', 3, write(1))).toBeUndefined();
    expect(ledger.check('s1/v1', 3, write(2))).toBeUndefined();
  });

  it('names an older write as a lost acknowledged one', () => {
    const ledger = new Ledger();
    ledger.acknowledged(write(1));
    ledger.acknowledged(write(2));
    expect(ledger.check('s1/v1', 3, write(1))).toEqual({
      volume: 's1/v1',
      block: 3,
      expected: '2',
      found: '1 of s1/v1 block 3',
    });
  });

  it('accepts a blank block only where nothing was acknowledged', () => {
    const ledger = new Ledger();
    ledger.sent(write(1));
    expect(ledger.check('s1/v1', 3, 'blank')).toBeUndefined();
    ledger.acknowledged(write(1));
    expect(ledger.check('s1/v1', 3, 'blank')).toMatchObject({ found: 'blank' });
  });

  it('rejects damage and a block of another place', () => {
    const ledger = new Ledger();
    ledger.acknowledged(write(1));
    expect(ledger.check('s1/v1', 3, 'damaged')).toMatchObject({ found: 'damaged' });
    expect(ledger.check('s1/v1', 3, { ...write(1), block: 4 })).toBeDefined();
    expect(ledger.check('s1/v1', 3, { ...write(1), volume: 's2/v1' })).toBeDefined();
  });
});
