import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { licencesOf, listOf } from './licences.mjs';

const folder = mkdtempSync(join(tmpdir(), 'neuromas-licences-'));
afterAll(() => rmSync(folder, { recursive: true }));

function packageOf(name: string, manifest: object, text?: string): string {
  const at = join(folder, 'node_modules', name);
  mkdirSync(at, { recursive: true });
  writeFileSync(join(at, 'package.json'), JSON.stringify({ name, version: '1.0.0', ...manifest }));
  if (text !== undefined) writeFileSync(join(at, 'LICENSE.md'), text);
  return at;
}

it('reads what our own packages bring', () => {
  const list = licencesOf(['lit', 'comlink', '@mlc-ai/web-llm'].map((name) => resolve('node_modules', name)));
  // Of a package that is a bundle itself, what is in it too.
  expect(list.map(({ name }) => name)).toEqual(['@mlc-ai/web-llm', 'comlink', 'lit', 'loglevel']);
  expect(list.map(({ licence }) => licence)).toEqual(['Apache-2.0', 'Apache-2.0', 'BSD-3-Clause', 'MIT']);
  for (const { text } of list) expect(text.length).toBeGreaterThan(800);
});

it('stops at a licence that nobody has read, and at one without its words', () => {
  expect(() => licencesOf([packageOf('a', { license: 'GPL-3.0' }, 'words')])).toThrow(
    /^a 1\.0\.0 would be .*"GPL-3\.0"/,
  );
  expect(() => licencesOf([packageOf('b', {}, 'words')])).toThrow(/^b 1\.0\.0 would be given on under undefined/);
  expect(() => licencesOf([packageOf('c', { license: 'MIT' })])).toThrow(
    /^c 1\.0\.0 brings no text of its licence, MIT/,
  );
});

it('writes the same words once', () => {
  const list = listOf(
    licencesOf(
      ['d', 'e'].map((name) => packageOf(name, { license: 'MIT', homepage: `https://${name}.example` }, 'Words')),
    ),
  );
  expect(list.match(/Words/g)).toHaveLength(1);
  expect(list).toContain('d 1.0.0, MIT\n  https://d.example\ne 1.0.0, MIT\n  https://e.example\n\nWords');
});
