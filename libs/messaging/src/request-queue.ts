interface RequestQueue {
  pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
}

// No export of the package: its version is pinned, and a spec sees the day when this file is of no use.
const { prototype } = require('kafkajs/src/network/requestQueue') as { prototype: RequestQueue };
const { scheduleCheckPendingRequests: scheduleCheck } = prototype;

/**
 * kafkajs 2.2.4 looks at the queue of each connection every millisecond for ever, empty or not (tulios/kafkajs#1704):
 * with three connections, 3 % of a core in each idle process. A queue is looked at again only while something waits.
 */
export function letEmptyQueuesRest(): void {
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0) scheduleCheck.call(this);
  };
}
