import { FleetError } from '@holdfast/kernel';
import { join } from './join';

class Fault extends FleetError {
  readonly code = 'FAULT';
  constructor(readonly retryable: boolean) {
    super('a fault');
  }
}

function joining(check: () => Promise<void>) {
  const started: string[] = [];
  const start = (name: string) => ({ start: () => void started.push(name) });
  const parts = {
    guard: { check },
    issueFirst: async () => void started.push('token'),
    relay: start('relay'),
    timers: start('timers'),
    listen: async () => void started.push('consumers'),
    status: start('status'),
  };
  return { parts, started };
}
const ALL = ['token', 'relay', 'timers', 'consumers', 'status'];
const running = new AbortController().signal;

it('a fault that passes is waited out', async () => {
  const check = jest.fn(async () => undefined as void).mockRejectedValueOnce(new Fault(true));
  const { parts, started } = joining(check);
  await join(parts, running);
  expect({ looks: check.mock.calls.length, started }).toEqual({ looks: 2, started: ALL });
});

it('a fault that does not pass is thrown, and nothing starts', async () => {
  const { parts, started } = joining(() => Promise.reject(new Fault(false)));
  await expect(join(parts, running)).rejects.toThrow('a fault');
  expect(started).toEqual([]);
});

it.each([
  ['succeeds', undefined],
  ['fails for the store was closed', new Fault(false)],
])('nothing starts after the end, when the look that was under way %s', async (_, fault) => {
  const ending = new AbortController();
  const { parts, started } = joining(async () => {
    ending.abort();
    if (fault) throw fault;
  });
  await join(parts, ending.signal);
  expect(started).toEqual([]);
});

it('no status is told when the end came while the consumers began', async () => {
  const ending = new AbortController();
  const { parts, started } = joining(async () => undefined);
  await join({ ...parts, listen: async () => ending.abort() }, ending.signal);
  expect(started).toEqual(['token', 'relay', 'timers']);
});
