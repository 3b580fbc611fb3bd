/**
 * Bundles a TypeScript entry for Node into node_modules/.cache/neuromas, so that the command line and the tools run
 * straight from the sources with nothing built before.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { root } from './install.mjs';

/**
 * Vite's `import text from './x.wgsl?raw'`.
 *
 * @type {import('esbuild').Plugin}
 */
const raw = {
  name: 'raw',
  setup(build) {
    build.onResolve({ filter: /\?raw$/ }, ({ path, resolveDir }) => ({
      path: resolve(resolveDir, path.slice(0, -'?raw'.length)),
      namespace: 'raw',
    }));
    build.onLoad({ filter: /.*/, namespace: 'raw' }, async ({ path }) => ({
      contents: await readFile(path, 'utf8'),
      loader: 'text',
      watchFiles: [path],
    }));
  },
};

/**
 * @param {string} entry path of a .ts file, relative to the project
 * @returns {Promise<string>} path of the bundle
 */
export async function bundle(entry) {
  const esbuild = await import('esbuild');
  const outfile = join(root, 'node_modules/.cache/neuromas', entry.replaceAll(/[\\/]/g, '-').replace(/\.ts$/, '.mjs'));
  const {
    outputFiles: [output],
  } = await esbuild.build({
    entryPoints: [join(root, entry)],
    outfile,
    write: false,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    sourcemap: 'inline',
    // Native code, and CommonJS packages that ask for Node's own modules, stay in node_modules.
    packages: 'external',
    plugins: [raw],
    logLevel: 'warning',
  });
  // Renamed into place, so that a command started beside this one never reads half a bundle.
  await mkdir(dirname(outfile), { recursive: true });
  const temporary = `${outfile}.${process.pid}`;
  await writeFile(temporary, /** @type {import('esbuild').OutputFile} */ (output).contents);
  await rename(temporary, outfile);
  return outfile;
}

// node tools/dev/bundle.mjs ENTRY ARGUMENTS…: bundles and runs.
if (process.argv[1] && basename(process.argv[1]) === 'bundle.mjs' && process.argv[2]) {
  const file = await bundle(process.argv[2]);
  process.argv.splice(1, 2, file);
  await import(file);
}
