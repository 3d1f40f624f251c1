import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onLines, QmpClient, refused } from './qmp';

/** A monitor that greets, accepts the capabilities, and then says what the test wants. */
describe('QmpClient', () => {
  let folder: string;
  let server: Server;
  let qmp: QmpClient;
  let script: (command: string, socket: Socket) => void;
  const say = (socket: Socket, message: object) => socket.write(JSON.stringify(message) + '\r\n');

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-qmp-'));
    server = createServer((socket) => {
      say(socket, { QMP: {} });
      onLines(socket, (line) => {
        const { execute } = JSON.parse(line) as { execute: string };
        if (execute === 'qmp_capabilities') say(socket, { return: {} });
        else script(execute, socket);
      });
    });
    await new Promise<void>((resolve) => server.listen(join(folder, 'qmp'), resolve));
    qmp = await QmpClient.connect(join(folder, 'qmp'));
  });
  afterEach(() => {
    qmp.close();
    server.close();
    rmSync(folder, { recursive: true });
  });

  it('passes over events, also between a command and its answer', async () => {
    script = (_, socket) => {
      say(socket, { event: 'BLOCK_EXPORT_DELETED' });
      say(socket, { return: 7 });
    };
    expect(await qmp.execute('query')).toBe(7);
  });

  it('sends one command at a time', async () => {
    let open = 0;
    script = (command, socket) => {
      expect(++open).toBe(1);
      setImmediate(() => {
        open--;
        say(socket, { return: command });
      });
    };
    expect(await Promise.all(['a', 'b', 'c'].map((name) => qmp.execute(name)))).toEqual(['a', 'b', 'c']);
  });

  it('goes on after an error', async () => {
    script = (command, socket) =>
      say(socket, command === 'bad' ? { error: { class: 'GenericError', desc: 'no' } } : { return: 1 });
    await expect(qmp.execute('bad')).rejects.toMatchObject({ code: 'ENGINE_REFUSED' });
    expect(await qmp.execute('good')).toBe(1);
  });

  it('gives the monitor up after a missed deadline, for a late answer would be taken for the next', async () => {
    script = () => undefined;
    await expect(qmp.execute('slow', {}, 20)).rejects.toMatchObject({ code: 'ENGINE_SILENT' });
    await expect(qmp.execute('next')).rejects.toMatchObject({ code: 'ENGINE_GONE' });
    await qmp.gone;
  });

  it('takes an answer that came while this process did not run', async () => {
    const path = join(folder, 'other');
    // The monitor is another process: it answers while we are stopped.
    const program = `require('net').createServer(s => { s.write('{"QMP":{}}\\n'); s.on('data', () => s.write('{"return":1}\\n')) }).listen(process.argv[1], () => console.log('up'))`;
    const other = spawn(process.execPath, ['-e', program, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((resolve) => other.stdout.once('data', resolve));
    const paused = await QmpClient.connect(path);
    const answer = paused.execute('query', {}, 100);
    await Promise.resolve();
    for (const until = performance.now() + 300; performance.now() < until;);
    expect(await answer).toBe(1);
    paused.close();
    other.kill();
  });

  it('fails what is in flight when the daemon hangs up', async () => {
    script = (_, socket) => socket.destroy();
    await expect(qmp.execute('quit')).rejects.toMatchObject({ code: 'ENGINE_GONE' });
  });

  it('hangs up on what is not JSON', async () => {
    script = (_, socket) => socket.write('rubbish\n');
    await expect(qmp.execute('query')).rejects.toMatchObject({ code: 'ENGINE_GONE' });
  });

  it.each([
    ['IMAGE_LOCKED', 'Failed to get "write" lock'],
    ['IMAGE_LOCKED', 'Failed to get shared "write" lock'],
    ['ADDRESS_IN_USE', 'Failed to bind socket: Address already in use'],
    ['NO_SPACE', 'Could not write: No space left on device'],
    ['ENGINE_REFUSED', 'Cannot find device'],
  ])('knows %s by its words', (code, words) => expect(refused('blockdev-add', words)).toMatchObject({ code }));
});
