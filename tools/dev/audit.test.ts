import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unpinned, weaknesses } from './audit.mjs';

describe('unpinned', () => {
  const good = { version: '1.2.3', integrity: 'sha512-abc' };
  const wrong = (entry: object) =>
    unpinned(JSON.stringify({ packages: { '': { name: 'own' }, 'node_modules/a/node_modules/@x/b': entry } }), ['c']);

  it('finds nothing in our own lock file', async () => {
    expect(unpinned(await readFile('package-lock.json', 'utf8'))).toEqual([]);
  });

  it.each([
    [{ ...good, version: '^1.0.0' }, '@x/b has no exact version but ^1.0.0'],
    [{ version: '1.2.3' }, '@x/b has no SHA-512 of its content'],
    [{ ...good, integrity: 'sha1-abc' }, '@x/b has no SHA-512 of its content'],
    [{ ...good, resolved: 'git+ssh://git@a.example/b.git#1' }, '@x/b comes from git+ssh://git@a.example/b.git#1'],
    [{ ...good, resolved: 'http://a.example/b-1.2.3.tgz' }, '@x/b comes from http://a.example/b-1.2.3.tgz'],
    [{ ...good, link: true }, '@x/b is a link to a folder'],
    [{ ...good, hasInstallScript: true }, '@x/b runs a script when it is installed'],
  ])('%j', (entry, line) => {
    expect(wrong(entry)).toEqual([expect.stringContaining(line)]);
  });

  it('lets what is pinned pass', () => {
    expect(wrong({ ...good, resolved: 'https://a.example/@x/b/-/b-1.2.3.tgz' })).toEqual([]);
  });
});

describe('weaknesses', () => {
  let folder: string;
  let registry: Server;
  let answer: { status: number; body: object };
  let port: number;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'neuromas-audit-'));
    const own = { name: 'own', version: '1.0.0', dependencies: { left: '1.0.0' } };
    await writeFile(join(folder, 'package.json'), JSON.stringify(own));
    const packages = { '': own, 'node_modules/left': { version: '1.0.0', integrity: 'sha512-abc' } };
    await writeFile(join(folder, 'package-lock.json'), JSON.stringify({ ...own, lockfileVersion: 3, packages }));
    // npm asks for /-/npm/v1/security/advisories/bulk, and for the packages named there.
    registry = createServer((request, response) => {
      request.resume();
      const advisories = request.url?.includes('advisories/bulk');
      const status = advisories ? answer.status : 404;
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
    });
    await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
    ({ port } = registry.address() as { port: number });
  });
  afterEach(async () => {
    registry.closeAllConnections();
    registry.close();
    await rm(folder, { recursive: true });
  });
  const ask = (registryPort = port) =>
    weaknesses({
      cwd: folder,
      env: {
        ...process.env,
        npm_config_registry: `http://127.0.0.1:${registryPort}/`,
        npm_config_cache: join(folder, '.cache'),
      },
    });

  it('names what is severe, apart from what is not', async () => {
    const advisory = (id: number, title: string, severity: string) => ({
      ...{ id, title, severity, url: `https://a.example/${id}`, vulnerable_versions: '<2.0.0' },
      ...{ cwe: [], cvss: { score: 0, vectorString: null } },
    });
    answer = { status: 200, body: { left: [advisory(1, 'reads all files', 'high')] } };
    expect(await ask()).toEqual({ asked: true, severe: ['left, high: reads all files (<2.0.0)'], other: [] });
    answer = { status: 200, body: { left: [advisory(2, 'is slow', 'low')] } };
    expect(await ask()).toEqual({ asked: true, severe: [], other: ['left, low: is slow (<2.0.0)'] });
    answer = { status: 200, body: {} };
    expect(await ask()).toEqual({ asked: true, severe: [], other: [] });
  });

  it('says why it could not ask', async () => {
    answer = { status: 405, body: { error: 'no such thing here' } };
    expect(await ask()).toEqual({ asked: false, why: expect.stringContaining('405') as string });
    // Nothing listens on port 1.
    expect(await ask(1)).toEqual({ asked: false, why: expect.stringContaining('ECONNREFUSED') as string });
  });
});
