import { connect, type Socket } from 'node:net';
import { relative } from 'node:path';
import { currentTraceparent, inSpan } from '@holdfast/observability';
import { EngineError } from './errors';

interface Answer {
  return?: unknown;
  error?: { class: string; desc: string };
  event?: string;
  QMP?: object;
}

const QMP_DEADLINE_MS = 500;

/** One monitor of a storage daemon. One command at a time; events are not answers and are passed over. */
export class QmpClient {
  /** Settles when the daemon hangs up: it is dead, or about to be. */
  readonly gone: Promise<void>;
  private tail: Promise<unknown> = Promise.resolve();
  private awaited?: ((answer: Answer | EngineError) => void) | undefined;
  private ended = false;

  private constructor(private readonly socket: Socket) {
    onLines(socket, (line) => this.receive(line));
    this.gone = new Promise((resolve) =>
      socket.once('close', () => {
        this.ended = true;
        this.awaited?.(new EngineError('ENGINE_GONE', 'the daemon hung up'));
        resolve();
      }),
    );
    socket.on('error', () => socket.destroy()); // what it means is told by `close`
  }

  static async connect(path: string, deadlineMs = QMP_DEADLINE_MS): Promise<QmpClient> {
    const client = new QmpClient(await open(path));
    try {
      await client.answer('greeting', deadlineMs);
      await client.execute('qmp_capabilities', {}, deadlineMs);
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  execute<Result = unknown>(command: string, args: object = {}, deadlineMs = QMP_DEADLINE_MS): Promise<Result> {
    // A span as part of an effect; the questions of every second are nobody's story.
    if (!currentTraceparent()) return this.call<Result>(command, args, deadlineMs);
    return inSpan(`qmp ${command}`, { kind: 'client' }, () => this.call<Result>(command, args, deadlineMs));
  }

  close(): void {
    this.socket.destroy();
  }

  private call<Result>(command: string, args: object, deadlineMs: number): Promise<Result> {
    const call = this.tail.then(async () => {
      if (this.ended) throw new EngineError('ENGINE_GONE', `${command}: the daemon is gone`);
      const answered = this.answer(command, deadlineMs);
      this.socket.write(JSON.stringify({ execute: command, arguments: args }) + '\n');
      return (await answered) as Result;
    });
    this.tail = call.catch(() => undefined); // the caller is told; the next command is not held up
    return call;
  }

  private answer(command: string, deadlineMs: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      let open = true;
      // After a missed deadline the late answer would be taken for the next command's: the monitor is given up. But an
      // answer that came while this process itself did not run is not late: what lies in the socket is read first.
      const late = () => setImmediate(() => open && this.awaited?.(silent(command, deadlineMs)));
      const timer = setTimeout(late, deadlineMs);
      this.awaited = (answer) => {
        open = false;
        this.awaited = undefined;
        clearTimeout(timer);
        if (answer instanceof EngineError) this.close();
        if (answer instanceof EngineError) reject(answer);
        else if (answer.error) reject(refused(command, answer.error.desc));
        else resolve(answer.return);
      };
    });
  }

  private receive(line: string): void {
    const answer = parse(line);
    if (!answer) return this.close();
    if (!answer.event) this.awaited?.(answer);
  }
}

/** A monitor that does not speak JSON is no monitor of ours. */
function parse(line: string): Answer | undefined {
  try {
    return JSON.parse(line) as Answer;
  } catch {
    return undefined;
  }
}

/** Lines, however the socket cuts them. */
export function onLines(socket: Socket, take: (line: string) => void): void {
  let rest = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    for (const line of lines) if (line.trim()) take(line);
  });
}

function silent(command: string, deadlineMs: number): EngineError {
  return new EngineError('ENGINE_SILENT', `${command} unanswered for ${deadlineMs} ms: carried out or not, unknown`);
}

/** QMP has one error class for nearly everything: what was refused is only in the words. */
export function refused(command: string, description: string): EngineError {
  const text = `${command}: ${description}`;
  if (/Failed to get .*lock/.test(description)) return new EngineError('IMAGE_LOCKED', text);
  if (/Address already in use/.test(description)) return new EngineError('ADDRESS_IN_USE', text);
  if (/No space left on device/.test(description)) return new EngineError('NO_SPACE', text);
  return new EngineError('ENGINE_REFUSED', text);
}

function open(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path: shortest(path) });
    socket.once('error', (cause) => reject(new EngineError('ENGINE_GONE', `${path}: ${cause.message}`, { cause })));
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}

/** A unix socket's name has at most 108 bytes; from the working folder it is usually far shorter. */
export function shortest(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.length < path.length ? fromHere : path;
}
