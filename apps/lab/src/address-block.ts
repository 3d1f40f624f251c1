import { createServer, type Server } from 'node:net';
import { StepFailed } from './errors';

/** Above 1023: an ordinary user may not listen below. No daemon of ours listens there. */
const HOLD_PORT = 10_810;
const FIRST = 30;
const LAST = 250;

/**
 * Takes a free block `127.<n>.0.0/16` for as long as this process lives, by listening in it: the kernel frees it with
 * the process, and refuses it to every other fleet of this machine, whoever started it and from whatever checkout.
 */
export async function takeAddressBlock(): Promise<{ block: number; hold: Server }> {
  for (let block = FIRST; block <= LAST; block += 1) {
    const hold = await listen(`127.${block}.255.254`);
    if (hold) return { block, hold };
  }
  throw new StepFailed(`every block from 127.${FIRST}.0.0/16 to 127.${LAST}.0.0/16 is taken`, {
    remedy: 'stop a fleet that is no longer needed',
  });
}

function listen(host: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    );
    server.listen(HOLD_PORT, host, () => resolve(server));
  });
}
