import { uuidV5, uuidV7 } from './uuid';

const form = (version: number) =>
  new RegExp(`^[0-9a-f]{8}-[0-9a-f]{4}-${version}[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`);

describe('ids of events', () => {
  it('rise with time, to the millisecond', () => {
    const ids = [uuidV7(1_000), uuidV7(1_001), uuidV7(1_800_000_000_000)];
    expect([...ids].sort()).toEqual(ids);
    for (const id of ids) expect(id).toMatch(form(7));
    expect(uuidV7(1_000)).not.toBe(uuidV7(1_000));
  });

  it('are the same for the same key, and others for another', () => {
    expect(uuidV5('a key')).toBe(uuidV5('a key'));
    expect(uuidV5('a key')).not.toBe(uuidV5('a kez'));
    expect(uuidV5('a key')).toMatch(form(5));
  });

  it('stay what they were in every store: the namespace never changes', () => {
    expect(uuidV5('fixed')).toBe('cdeed16b-9c34-5709-aa03-58fb8cae4325');
  });
});
