/**
 * The licences of what others wrote and a build contains: `third-party-licences.txt`, beside the scripts. A package is named
 * when a module of it is in a script, a worker's included; so are the dependencies of those that come with others inside.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

export const LICENCES_FILE = 'third-party-licences.txt';

/** Under these a package may be given on with its text; for any other somebody has to read it first. */
export const ALLOWED = ['MIT', 'ISC', '0BSD', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', 'BlueOak-1.0.0'];

/** What the service worker is made of; its file is written apart from the build's modules. */
const SERVICE_WORKER = ['workbox-core', 'workbox-precaching', 'workbox-routing', 'workbox-strategies'];
/** These are bundles themselves. */
const BUNDLES = ['@mlc-ai/web-llm', '@huggingface/transformers', 'onnxruntime-web'];
/** What those name and do not contain. */
const LEFT_OUT = ['guid-typescript'];
/** Who holds the rights in packages that name the MIT licence and bring no text of it. */
const MIT_HOLDERS = new Map(['onnxruntime-web', 'onnxruntime-common'].map((name) => [name, 'Microsoft Corporation']));
const MIT = (/** @type {string} */ holder) => `MIT License

Copyright (c) ${holder}

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.`;
/** In the place of a package that only Node would need. */
const EMPTY = 'empty-npm-package';

/**
 * @typedef {{ name: string, version: string, licence: string, home: string, text: string }} Licence
 */

/**
 * The plugins of a build and of its workers, which are builds of their own and come first.
 *
 * @param {{ serviceWorker?: boolean }} [options]
 * @returns {{ main: import('vite').Plugin, worker: () => import('vite').Plugin }}
 */
export function thirdPartyLicences({ serviceWorker = false } = {}) {
  /** @type {Set<string>} */
  const folders = new Set();
  const note = (/** @type {import('vite').Rolldown.OutputBundle} */ bundle) => {
    for (const file of Object.values(bundle)) {
      for (const id of file.type === 'chunk' ? file.moduleIds : []) {
        const folder = folderOf(id);
        if (folder) folders.add(folder);
      }
    }
  };
  return {
    main: {
      name: 'third-party-licences',
      apply: 'build',
      generateBundle(_, bundle) {
        note(bundle);
        const names = serviceWorker ? SERVICE_WORKER.map((name) => resolveFrom(process.cwd(), name) ?? '') : [];
        this.emitFile({
          type: 'asset',
          fileName: LICENCES_FILE,
          source: listOf(licencesOf([...folders, ...names.filter(Boolean)])),
        });
      },
    },
    worker: () => ({ name: 'third-party-licences', generateBundle: (_, bundle) => note(bundle) }),
  };
}

/**
 * The folder of the package that a module belongs to, null for our own.
 *
 * @param {string} id
 */
function folderOf(id) {
  const [, folder] = /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id) ?? [];
  return folder ?? null;
}

/**
 * Of packages and what is inside of them. Throws an Error for one under a licence that is not in ALLOWED, or without its text.
 *
 * @param {readonly string[]} folders
 * @returns {Licence[]} by name
 */
export function licencesOf(folders) {
  /** @type {Map<string, Licence>} */
  const found = new Map();
  const todo = [...folders];
  for (let folder = todo.pop(); folder !== undefined; folder = todo.pop()) {
    const {
      name,
      version,
      license,
      homepage,
      repository,
      dependencies = {},
    } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const key = `${name} ${version}`;
    if (found.has(key) || name === EMPTY || LEFT_OUT.includes(name)) continue;
    if (!ALLOWED.includes(license)) {
      throw new Error(
        `${key} would be given on under ${JSON.stringify(license)}, which tools/dev/licences.mjs does not know: read it, then add it or leave the package out.`,
      );
    }
    const home = homepage ?? repository?.url ?? repository ?? '';
    const holder = license === 'MIT' ? MIT_HOLDERS.get(name) : undefined;
    const text = textOf(folder) || (holder ? MIT(holder) : '');
    if (!text) throw new Error(`${key} brings no text of its licence, ${license}: say in MIT_HOLDERS whose it is.`);
    found.set(key, { name, version, licence: license, home: String(home), text });
    for (const dependency of BUNDLES.includes(name) ? Object.keys(dependencies) : []) {
      const at = resolveFrom(folder, dependency);
      if (at) todo.push(at);
    }
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * The folder in which a package finds another; null where it is not installed (optional, or for another platform).
 *
 * @param {string} folder
 * @param {string} name
 */
function resolveFrom(folder, name) {
  const places = createRequire(join(folder, 'package.json')).resolve.paths(name) ?? [];
  for (const place of places) {
    try {
      readFileSync(join(place, name, 'package.json'));
      return join(place, name);
    } catch {
      continue;
    }
  }
  return null;
}

/**
 * Licence, and what has to go with it.
 *
 * @param {string} folder
 */
function textOf(folder) {
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|copying|notice|thirdparty)/i.test(file));
  return files
    .sort()
    .map((file) => readFileSync(join(folder, file), 'utf8').trim())
    .join('\n\n');
}

/**
 * Packages under the same words share them.
 *
 * @param {Licence[]} licences
 */
export function listOf(licences) {
  /** @type {Map<string, Licence[]>} */
  const byText = new Map();
  for (const entry of licences) byText.set(entry.text, [...(byText.get(entry.text) ?? []), entry]);
  const line = '-'.repeat(78);
  const parts = [...byText].map(([text, entries]) => {
    const names = entries.map(({ name, version, licence, home }) => `${name} ${version}, ${licence}\n  ${home}`);
    return `${names.join('\n')}\n\n${text}`;
  });
  return [
    'NeuroMAS Sandbox itself is under the Apache License 2.0. It contains, or is built with, the following.',
    ...parts,
  ].join(`\n\n${line}\n\n`);
}
