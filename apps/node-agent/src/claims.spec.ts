import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { highestClaim, makeClaim, type Claim } from './claims';

describe('claims', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'holdfast-claims-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  const takeover = (epoch: number, nodeId: string): Claim => ({ epoch, nodeId, by: 'serve-s1' });
  const release = (epoch: number): Claim => ({ epoch, nodeId: null, by: 'operation' });
  const numbers = () =>
    readdirSync(folder)
      .map((name) => Number(name.replace('.json', '')))
      .sort((a, b) => a - b);

  it('a folder without claims has no claim', async () => expect(await highestClaim(folder)).toBeUndefined());

  it('the first claim may have any number', async () => {
    expect(await makeClaim(folder, takeover(5, 'n1'))).toEqual({ made: true });
    expect(numbers()).toEqual([5]);
  });

  it('the highest number is the claim', async () => {
    await makeClaim(folder, takeover(9, 'n1'));
    await makeClaim(folder, takeover(10, 'n2'));
    expect(await highestClaim(folder)).toEqual(takeover(10, 'n2'));
  });

  it('leaves no number out on the way up', async () => {
    await makeClaim(folder, takeover(1, 'n1'));
    await makeClaim(folder, takeover(4, 'n2'));
    expect(numbers()).toEqual([1, 2, 3, 4]);
    expect(JSON.parse(readFileSync(join(folder, '2.json'), 'utf8'))).toEqual({ nodeId: null, by: null });
  });

  it('counts its own content at the same number as made', async () => {
    await makeClaim(folder, takeover(3, 'n1'));
    expect(await makeClaim(folder, takeover(3, 'n1'))).toEqual({ made: true });
  });

  it('refuses below a higher claim, and at a number that is another node’s', async () => {
    await makeClaim(folder, takeover(3, 'n1'));
    const refused = { made: false, code: 'STALE_EPOCH', claim: takeover(3, 'n1') };
    expect(await makeClaim(folder, takeover(2, 'n2'))).toEqual(refused);
    expect(await makeClaim(folder, takeover(3, 'n2'))).toEqual(refused);
  });

  it('refuses a takeover at and above a release, at any epoch', async () => {
    await makeClaim(folder, takeover(1, 'n1'));
    await makeClaim(folder, release(2));
    const refused = { made: false, code: 'SYSTEM_RELEASED', claim: release(2) };
    expect(await makeClaim(folder, takeover(2, 'n2'))).toEqual(refused);
    expect(await makeClaim(folder, takeover(7, 'n2'))).toEqual(refused);
    expect(numbers()).toEqual([1, 2]);
  });

  it('refuses a release where a takeover left no number free', async () => {
    await makeClaim(folder, takeover(1, 'n1'));
    await makeClaim(folder, takeover(3, 'n2'));
    expect(await makeClaim(folder, release(2))).toMatchObject({ made: false, code: 'STALE_EPOCH' });
  });

  it('is MEDIUM_INVALID when the claim cannot be read', async () => {
    writeFileSync(join(folder, '4.json'), '{"nodeId":');
    await expect(highestClaim(folder)).rejects.toMatchObject({ code: 'MEDIUM_INVALID' });
  });

  it('of takeovers that meet, the highest stands and each number has one owner', async () => {
    for (let round = 0; round < 30; round++) {
      const from = ((await highestClaim(folder))?.epoch ?? 0) + 1;
      const wanted = [0, 0, 1, 2].map((ahead, i) => takeover(from + ahead, `n${i}`));
      const outcomes = await Promise.all(wanted.map((claim) => makeClaim(folder, claim)));
      expect(await highestClaim(folder)).toEqual(wanted[3]);
      expect(outcomes.slice(0, 2).filter(({ made }) => made).length).toBeLessThanOrEqual(1);
      expect(numbers().at(-1)! - numbers()[0]! + 1).toBe(numbers().length);
    }
  });

  it('of a release and a takeover that meet, one wins', async () => {
    for (let round = 0; round < 60; round++) {
      const own = join(folder, String(round));
      mkdirSync(own);
      await makeClaim(own, takeover(1, 'n1'));
      const outcomes = await Promise.all([makeClaim(own, release(2)), makeClaim(own, takeover(2 + (round % 3), 'n2'))]);
      expect(outcomes.filter(({ made }) => made)).toHaveLength(1);
    }
  });
});
