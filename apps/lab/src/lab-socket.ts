import { createConnection, createServer, type Server } from 'node:net';
import { createInterface } from 'node:readline';

export interface LabRequest {
  verb: string;
  target?: string;
}

export interface LabAnswer {
  ok: boolean;
  message: string;
  /** What will follow, for somebody who watches. */
  expect?: string;
  code?: string;
  remedy?: string;
}

/** One line of JSON in, one out: the fleet's operator beside the gateway, for what no gateway could do. */
export function listenOnSocket(path: string, handle: (request: LabRequest) => Promise<LabAnswer>): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    createInterface({ input: socket }).once('line', (line) => {
      void answer(line, handle).then((reply) => socket.end(`${JSON.stringify(reply)}\n`));
    });
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => resolve(server));
  });
}

/** True when a supervisor answers there: a socket that nobody listens on is a leftover. */
export function socketAnswers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once('connect', () => (socket.destroy(), resolve(true)));
    socket.once('error', () => resolve(false));
  });
}

async function answer(line: string, handle: (request: LabRequest) => Promise<LabAnswer>): Promise<LabAnswer> {
  try {
    return await handle(JSON.parse(line) as LabRequest);
  } catch (error) {
    return { ok: false, code: 'LAB_FAILED', message: (error as Error).message, remedy: 'see the output of npm start' };
  }
}
