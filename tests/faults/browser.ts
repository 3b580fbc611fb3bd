/** A Chromium of our own, to be killed, stopped and starved: Playwright's is not to be treated like that. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type CDPSession, chromium, type Page } from '@playwright/test';
import { CHROMIUM_FLAGS, findChromium } from '../../tools/dev/browser.mjs';

/** Pixels of a window that nobody looks at: drawing a large one in software costs more than the training in it. */
const SMALL = [480, 320] as const;

export const address = `http://127.0.0.1:${process.env['PAGE_PORT'] ?? 4173}/`;

/** A folder that lives as long as a test; what is in it outlives the browser. */
export async function newProfile(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'neuromas-profile-'));
  return { path, remove: () => rm(path, { recursive: true, force: true, maxRetries: 5 }) };
}

export class Chromium {
  static async start(profile: string, flags: string[] = []): Promise<Chromium> {
    const executable = (await findChromium()) ?? 'chromium';
    const args = [
      ...CHROMIUM_FLAGS,
      ...['--headless=new', '--remote-debugging-port=0', `--user-data-dir=${profile}`, `--window-size=${SMALL.join()}`],
      // A crashed browser asks whether to restore its pages; ours opens what it is told to.
      ...['--hide-crash-restore-bubble', '--no-default-browser-check', '--disable-gpu-process-crash-limit'],
      ...flags,
      'about:blank',
    ];
    // A group of its own, so that the whole browser can be stopped or killed at once.
    const child = spawn(executable, args, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
    const endpoint = await new Promise<string>((resolve, reject) => {
      let said = '';
      child.stderr.on('data', (data: Buffer) => {
        said += data.toString();
        const [, found] = /DevTools listening on (ws:\S+)/.exec(said) ?? [];
        if (found) resolve(found);
      });
      child.on('exit', (code) => reject(new Error(`Chromium ended with ${code}: ${said.slice(-2000)}`)));
    });
    return new Chromium(child, await chromium.connectOverCDP(endpoint));
  }

  readonly browser: Browser;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, browser: Browser) {
    this.#process = process;
    this.browser = browser;
  }

  /** The first tab. */
  async page(): Promise<Page> {
    const [context] = this.browser.contexts();
    if (!context) throw new Error('the browser has no context');
    return context.pages()[0] ?? context.newPage();
  }

  /** Again where it was given a process that a test has just killed: the browser keeps a spare one. */
  async newPage(tries = 5): Promise<Page> {
    try {
      return await this.browser.contexts()[0]!.newPage();
    } catch (error) {
      if (tries <= 1) throw error;
      return this.newPage(tries - 1);
    }
  }

  cdp(): Promise<CDPSession> {
    return this.browser.newBrowserCDPSession();
  }

  /** Process ids by kind: `browser`, `renderer`, `GPU`, … */
  async processes(kind: string): Promise<number[]> {
    const session = await this.cdp();
    const { processInfo } = (await session.send('SystemInfo.getProcessInfo')) as {
      processInfo: { type: string; id: number }[];
    };
    await session.detach();
    return processInfo.filter(({ type }) => type === kind).map(({ id }) => id);
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#process.pid !== undefined) process.kill(-this.#process.pid, signal);
  }

  /** At once, with everything it was doing. */
  async kill(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.signal('SIGKILL');
    await ended;
    await this.browser.close().catch(() => undefined);
  }
}
