import { listOf, runCli, scriptedGateway } from './scripted-gateway';

const PAGE = 500;

const event = (position: number, more: object = {}) => ({
  position,
  topic: 'holdfast.placement',
  stream: 'system-s1',
  version: position,
  id: `event-${position}`,
  at: '2026-03-01T10:42:06.270123Z',
  type: 'SystemServeGranted',
  data: { systemId: 's1', clusterId: 'alpha', nodeId: 'n1', epoch: position },
  correlationId: 'c',
  causationId: 'c',
  ...more,
});
const grants = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, nth) => event(from + nth));
const twoOwners = event(2, { data: { systemId: 's1', clusterId: 'alpha', nodeId: 'n2', epoch: 1 } });

let gateway: Awaited<ReturnType<typeof scriptedGateway>>;
afterEach(() => gateway.stop());

/** A gateway whose log is this; `after` cuts it as the API would. */
async function verify(log: ReturnType<typeof event>[], typed = '', world = {}) {
  const pages = Object.fromEntries(
    [0, PAGE, 2 * PAGE].map((since) => [
      `GET /v1/events?since=${since}&limit=${PAGE}`,
      listOf(log.filter(({ position }) => position > since).slice(0, PAGE), { position: log.at(-1)?.position ?? 0 }),
    ]),
  );
  gateway = await scriptedGateway(pages);
  return runCli(`verify ${typed} --url ${gateway.url}`, world);
}

it('reads the whole log by pages and finds nothing wrong', async () => {
  const { code, out } = await verify(grants(1, 1_200), '-o json');
  const { events, position, predicates } = JSON.parse(out) as {
    events: number;
    position: number;
    predicates: { id: string; checked: number; violations: object[]; notJudged?: string }[];
  };
  expect({ code, events, position }).toEqual({ code: 0, events: 1_200, position: 1_200 });
  expect(gateway.heard).toHaveLength(3);
  expect(predicates.flatMap(({ violations }) => violations)).toEqual([]);
  expect(predicates.find(({ id }) => id === 'O2')).toMatchObject({ checked: 1_200 });
  expect(predicates.find(({ id }) => id === 'O3')).toMatchObject({
    checked: 0,
    notJudged: expect.any(String) as string,
  });
});

it('exits 3 on a violation, and names rule, event, subject and remedy', async () => {
  const { code, out, err } = await verify([event(1), twoOwners]);
  expect(code).toBe(3);
  expect(out).toMatch(/^2 events, positions 1 to 2\n/);
  expect(out).toMatch(/O2 +2 +1 violations +an epoch of a thing has one owner/);
  expect(out).toMatch(/O2 +2 +system\/s1 +epoch 1 is n1's and n2's/);
  expect(out).toMatch(/not judged here\n(.*\n)* +O3 +clients/);
  expect(err).toContain('error     INVARIANT_BROKEN  1 violation of O2\n');
  expect(err).toContain('holdfast events --for system/s1');
});

it('of one subject tells what is wrong with it alone', async () => {
  const { code, out } = await verify([event(1), twoOwners], '--subject system/s2 -o json');
  expect(code).toBe(0);
  expect(out).not.toContain("n1's and n2's");
});

it('of what is no subject finds nothing well: it is refused', async () => {
  const { code, err } = await verify([event(1)], '--subject s2');
  expect(code).toBe(2);
  expect(err).toContain('s2 is no subject');
});

it('since a position says which rules need the log from its first event', async () => {
  const { code, out } = await verify(grants(1, 700), `--since ${PAGE}`);
  expect(code).toBe(0);
  expect(out).toContain('200 events, positions 501 to 700');
  expect(out).toMatch(/B3 +it rests on all that was before/);
});

it.each(['-5', '1000', '2999-01-01T00:00:00Z'])('since %s, where nothing can be, is refused', async (since) => {
  const { code, out } = await verify(grants(1, 3), `--since ${since}`);
  expect({ code, out }).toEqual({ code: 2, out: '' });
});

it('tells a terminal how far it is, and wipes that line at the end', async () => {
  const { err } = await verify(grants(1, 600), '', { terminal: true });
  expect(err).toBe('\rreading the log: 500 of 600 events\x1b[K\r\x1b[K');
});

it('an empty log has nothing wrong with it', async () => {
  expect((await verify([])).code).toBe(0);
});
