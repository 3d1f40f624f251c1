import './kafka-link';

const RequestQueue = require('kafkajs/src/network/requestQueue');

afterEach(() => jest.useRealTimers());

function queueOf(o: { maxInFlightRequests: number }) {
  const logger = { namespace: () => logger, debug: () => undefined };
  return new RequestQueue({ ...o, logger, clientId: 'c', broker: 'b', isConnected: () => true });
}

function request(sent: number[], correlationId: number) {
  const entry = { correlationId };
  return { entry, expectResponse: true, sendRequest: () => sent.push(correlationId) };
}

it('sets no timer while nothing waits', () => {
  jest.useFakeTimers();
  queueOf({ maxInFlightRequests: 1 }).checkPendingRequests();
  expect(jest.getTimerCount()).toBe(0);
});

it('sends what waits for its turn, and what was throttled, by itself', () => {
  jest.useFakeTimers();
  const sent: number[] = [];
  const queue = queueOf({ maxInFlightRequests: 1 });
  queue.push(request(sent, 1));
  queue.push(request(sent, 2));
  queue.inflight.clear();
  jest.advanceTimersByTime(20);
  expect(sent).toEqual([1, 2]);

  queue.inflight.clear();
  queue.maybeThrottle(500);
  queue.push(request(sent, 3));
  jest.advanceTimersByTime(490);
  expect(sent).toEqual([1, 2]);
  jest.advanceTimersByTime(30);
  expect(sent).toEqual([1, 2, 3]);
  expect(jest.getTimerCount()).toBe(0);
});
