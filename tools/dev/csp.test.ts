import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { POLICY } from './csp.mjs';

const directives = new Map(POLICY.split('; ').map((part) => [part.split(' ')[0], part.split(' ').slice(1)]));

it('allows scripts and styles of its own and nothing else', () => {
  expect(directives.get('default-src')).toEqual(["'none'"]);
  // WebAssembly may be compiled: checksums, matrix products, tokenizers, reward functions. Nothing else is evaluated.
  expect(directives.get('script-src')).toEqual(["'self'", "'wasm-unsafe-eval'"]);
  expect(directives.get('style-src')).toEqual(["'self'"]);
  for (const name of ['object-src', 'base-uri', 'form-action']) expect(directives.get(name)).toEqual(["'none'"]);
  for (const [name, sources] of directives) {
    const loose = ["'unsafe-inline'", "'unsafe-eval'", "'unsafe-hashes'", '*', 'http:'];
    expect([name, sources.filter((source) => loose.includes(source))]).toEqual([name, []]);
  }
});

it.each(['index.html', 'embed.html', 'bench.html'])('%s has nothing that it would forbid', (file) => {
  const html = readFileSync(file, 'utf8');
  expect(html).not.toMatch(/<script(?![^>]*\bsrc=)/i);
  expect(html).not.toMatch(/<style|\sstyle=|\son\w+=|javascript:/i);
});
