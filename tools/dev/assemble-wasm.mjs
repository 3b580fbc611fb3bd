// Assembles the .wat files of workers/reference/wasm into kernels.wasm.ts beside them: node tools/dev/assemble-wasm.mjs
import { readFile, writeFile } from 'node:fs/promises';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import wabt from 'wabt';

const folder = new URL('../../workers/reference/wasm/', import.meta.url);
export const target = new URL('kernels.wasm.ts', folder);

/** Each holds functions of the one module; its memory comes from outside. */
const SOURCES = ['matmul.wat', 'attention.wat', 'elementwise.wat'];

/** The text of `kernels.wasm.ts`. */
export async function assemble() {
  const tool = await wabt();
  const functions = await Promise.all(SOURCES.map((name) => readFile(new URL(name, folder), 'utf8')));
  const text = `(module (import "env" "memory" (memory 1))\n${functions.join('\n')})`;
  const module = tool.parseWat('kernels.wat', text, { simd: true });
  module.validate();
  const base64 = Buffer.from(module.toBinary({}).buffer).toString('base64');
  const lines = (base64.match(/.{1,110}/g) ?? []).map((line) => `  '${line}'`);
  const sources = SOURCES.join(', ');
  return `// Made from ${sources} by tools/dev/assemble-wasm.mjs.\nexport default [\n${lines.join(',\n')},\n].join('');\n`;
}

if (argv[1] === fileURLToPath(import.meta.url)) await writeFile(target, await assemble());
