/**
 * `npm run build:lib [-- --out DIR]`: the npm package `neuromas-sandbox`, in dist-lib/. Its folder also works as it is on
 * any web server: `neuro-mas.js` is the one script that a page of another origin names.
 */
import { spawnSync } from 'node:child_process';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureInstalled, root } from './install.mjs';
import { LICENCES_FILE } from './licences.mjs';

ensureInstalled();
const { build } = await import('vite');
const { publint } = await import('publint');
const { formatMessage } = await import('publint/utils');

const { values } = parseArgs({ options: { out: { type: 'string', default: join(root, 'dist-lib') } } });
const out = resolve(values.out);

await build({
  root,
  configFile: join(root, 'vite.lib.config.ts'),
  logLevel: 'warn',
  build: { outDir: out, emptyOutDir: true },
});
await cp(join(root, 'public/models'), join(out, 'models'), { recursive: true });
await cp(join(root, 'public/recordings'), join(out, 'recordings'), { recursive: true });
await cp(join(root, 'LICENSE'), join(out, 'LICENSE'));
// Who installs a package wants to use it, not to work on it.
await cp(join(root, 'docs/package.md'), join(out, 'README.md'));
await cp(join(root, 'docs/images/embed.png'), join(out, 'embed.png'));

const bare = await types();
run('@custom-elements-manifest/analyzer/cem.js', [
  ...['analyze', '--config', 'tools/dev/cem.config.mjs', '--outdir', relative(root, out)],
]);
await describe(join(out, 'custom-elements.json'));

const own = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
const manifest = {
  name: 'neuromas-sandbox',
  version: own.version,
  description: own.description,
  license: own.license,
  keywords: ['custom-element', 'webgpu', 'reinforcement-learning', 'multi-agent', 'language-model', 'lora'],
  type: 'module',
  exports: {
    '.': { types: './types/src/index.d.ts', default: './neuro-mas.js' },
    './iframe.js': { types: './types/src/embed/iframe.d.ts', default: './iframe.js' },
    './models/*': './models/*',
    './recordings/*': './recordings/*',
    './custom-elements.json': './custom-elements.json',
    './package.json': './package.json',
  },
  main: './neuro-mas.js',
  types: './types/src/index.d.ts',
  customElements: './custom-elements.json',
  // Importing it defines the element.
  sideEffects: true,
  // All code is in the scripts; these are for their types alone.
  dependencies: Object.fromEntries(bare.map((name) => [name, own.dependencies[name]])),
  files: ['*.js', LICENCES_FILE, 'embed.png', 'models', 'recordings', 'types', 'custom-elements.json'],
};
await writeFile(join(out, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);

const { messages } = await publint({ pkgDir: out, level: 'suggestion', strict: true, pack: 'npm' });
for (const message of messages) console.error(formatMessage(message, manifest));
if (messages.length > 0) process.exit(1);
console.log(`${relative(process.cwd(), out) || out}: ${manifest.name} ${manifest.version}`);

/**
 * Declarations of what the entries export, and of what those mention.
 *
 * @returns {Promise<string[]>} packages that they mention
 */
async function types() {
  const folder = join(out, 'types');
  run('typescript/bin/tsc', ['-p', 'src/tsconfig.lib.json', '--outDir', folder]);
  const wanted = new Set(['src/index.d.ts', 'src/embed/iframe.d.ts']);
  const packages = new Set();
  for (const file of wanted) {
    const path = join(folder, file);
    // Sources say `.ts` and run as they are; in a package the same file ends in `.js`.
    const text = (await readFile(path, 'utf8')).replace(
      /(from |import\(|import )(['"])(\.[^'"]*)\.ts\2/g,
      (_, before, quote, to) => `${before}${quote}${to}.js${quote}`,
    );
    await writeFile(path, text);
    for (const [, specifier = ''] of text.matchAll(/(?:from |import\(|import )['"]([^'"]+)['"]/g)) {
      if (specifier.startsWith('.')) wanted.add(join(file, '..', specifier).replace(/\.js$/, '.d.ts'));
      else
        packages.add(
          specifier
            .split('/')
            .slice(0, specifier.startsWith('@') ? 2 : 1)
            .join('/'),
        );
    }
  }
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && !wanted.has(relative(folder, path))) await rm(path);
  }
  return [...packages].sort();
}

/**
 * Makes the manifest speak of the package: one script, and of the element only what others may use.
 *
 * @param {string} path
 */
async function describe(path) {
  /** @type {{ modules: { declarations: { members?: { privacy?: string }[] }[], exports: { declaration: object }[] }[] }} */
  const found = JSON.parse(await readFile(path, 'utf8'));
  const open = (/** @type {{privacy?: string}} */ { privacy }) => privacy !== 'private' && privacy !== 'protected';
  const modules = [
    {
      kind: 'javascript-module',
      path: 'neuro-mas.js',
      declarations: found.modules.flatMap((module) =>
        module.declarations.map(({ members, ...rest }) => ({ ...rest, members: members?.filter(open) })),
      ),
      exports: found.modules
        .flatMap((module) => module.exports)
        .map((entry) => ({ ...entry, declaration: { ...entry.declaration, module: 'neuro-mas.js' } })),
    },
  ];
  await writeFile(path, `${JSON.stringify({ ...found, modules }, null, 2)}\n`);
}

/**
 * @param {string} bin below node_modules
 * @param {string[]} args
 */
function run(bin, args) {
  const { status } = spawnSync(process.execPath, [join(root, 'node_modules', bin), ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) {
    console.error(`${bin} failed`);
    process.exit(1);
  }
}
