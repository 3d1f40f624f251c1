import { runService, type RunningService } from './run-service';

describe('the process of a service', () => {
  let did: string[];
  const signals = ['SIGTERM', 'SIGINT'] as const;
  const telemetry = Promise.resolve({ stop: async () => void did.push('telemetry') });
  const service = (stop: RunningService['stop']) => runService(async () => ({ stop }), telemetry);
  const exited = () =>
    new Promise<void>((resolve) => {
      jest.spyOn(process, 'exit').mockImplementation((code) => {
        did.push(`exit ${code}`);
        resolve();
        return undefined as never;
      });
    });

  beforeEach(() => (did = []));
  afterEach(() => {
    jest.useRealTimers();
    jest.restoreAllMocks();
    for (const signal of signals) process.removeAllListeners(signal);
  });

  it('ends once, whoever asks how often, and sends its last spans before it exits', async () => {
    const exit = exited();
    await service(async () => void did.push('service'));
    for (const signal of signals) process.emit(signal);
    await exit;
    expect(did).toEqual(['service', 'telemetry', 'exit 0']);
  });

  it('exits with 1 when it does not start, and when its end fails', async () => {
    const exit = exited();
    await runService(() => Promise.reject(new RangeError('no store')), telemetry);
    await exit;
    const second = exited();
    await service(() => Promise.reject(new RangeError('no end')));
    process.emit('SIGTERM');
    await second;
    expect(did).toEqual(['exit 1', 'exit 1']);
  });

  it('is cut off when its end takes more than 25 s', async () => {
    jest.useFakeTimers();
    const exit = exited();
    await service(() => new Promise(() => undefined));
    process.emit('SIGTERM');
    jest.advanceTimersByTime(24_999);
    expect(did).toEqual([]);
    jest.advanceTimersByTime(1);
    await exit;
    expect(did).toEqual(['exit 1']);
  });
});
