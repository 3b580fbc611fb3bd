import { afterEach, describe, expect, test, vi } from 'vitest';
import { AddressError, Gate, readAddress } from './gate.ts';

const refusal = (work: () => unknown): AddressError => {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(AddressError);
    expect((error as Error).message).not.toMatch(/[\r\n\u2028\u2029]/);
    return error as AddressError;
  }
  throw new Error('nothing was refused');
};

describe('addresses', () => {
  test.each(['https://huggingface.co/a/b', 'http://localhost:11434/v1', 'http://127.0.0.1:8000'])(
    '%s is one',
    (text) => {
      expect(readAddress(text).href).toContain(text);
    },
  );

  test.each([
    ['models/x', 'is not a complete address'],
    ['javascript:alert(1)', 'begins with javascript:'],
    ['data:text/html,x', 'begins with data:'],
    ['file:///etc/passwd', 'begins with file:'],
    ['ws://localhost/', 'begins with ws:'],
    ['http://192.168.1.5:8000/', 'ssh -L 8000:localhost:8000 192.168.1.5'],
    ['http://localhost.evil.example/', 'only by https'],
    ['http://127.0.0.1.evil.example/', 'only by https'],
    ['https://huggingface.co@evil.example/', 'evil.example has a name or password'],
    ['https://user:secret@host.example/', 'has a name or password'],
    ['\u202e\nhttps://x', 'is not a complete address'],
  ])('%s is none', (text, why) => {
    const error = refusal(() => readAddress(text));
    expect(error.message).toContain(why);
    expect(error.message).not.toContain('secret');
    expect(error.origin).toBeNull();
  });
});

describe('the gate', () => {
  test('lets nothing through that nobody agreed to, and says what could be', async () => {
    const gate = new Gate();
    const error = refusal(() => gate.check('https://models.example/a/b'));
    expect(error.origin).toBe('https://models.example');
    const asked: string[] = [];
    vi.stubGlobal('fetch', (address: string) => {
      asked.push(address);
      return Promise.resolve(new Response('here'));
    });
    await expect(gate.fetch('https://models.example/a/b')).rejects.toThrow(AddressError);
    expect(asked).toEqual([]);

    gate.agree('https://models.example/something');
    await gate.fetch('https://models.example/a/b');
    expect(asked).toEqual(['https://models.example/a/b']);
    // One host and one port, not their neighbours, and not the same by plain http.
    for (const other of ['https://a.models.example/', 'https://models.example:444/', 'http://models.example/'])
      await expect(gate.fetch(other)).rejects.toThrow(AddressError);
    expect(asked).toHaveLength(1);
    expect(gate.agreed).toEqual(['https://models.example']);
    expect(new Gate().agreed).toEqual([]);
  });

  test('asks without cookies, referrer or redirects, whatever the caller says of cookies', async () => {
    const gate = new Gate();
    gate.agree('https://models.example');
    let seen: RequestInit = {};
    vi.stubGlobal('fetch', (_: string, init: RequestInit) => {
      seen = init;
      return Promise.resolve(new Response());
    });
    await gate.fetch('https://models.example/x', { credentials: 'include', referrerPolicy: 'unsafe-url' });
    expect(seen).toMatchObject({ credentials: 'omit', referrerPolicy: 'no-referrer', redirect: 'error' });
    await gate.fetch('https://models.example/x', { redirect: 'follow' });
    expect(seen.redirect).toBe('follow');
  });
});

afterEach(() => vi.unstubAllGlobals());
