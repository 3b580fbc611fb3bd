// Assembles workers/reference/wasm/matmul.wat into matmul.wasm.ts beside it: node tools/dev/assemble-wasm.mjs
import { readFile, writeFile } from 'node:fs/promises';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import wabt from 'wabt';

const folder = new URL('../../workers/reference/wasm/', import.meta.url);
export const source = new URL('matmul.wat', folder);
export const target = new URL('matmul.wasm.ts', folder);

/** The text of `matmul.wasm.ts`. */
export async function assemble() {
  const tool = await wabt();
  const module = tool.parseWat('matmul.wat', await readFile(source, 'utf8'), { simd: true });
  module.validate();
  const base64 = Buffer.from(module.toBinary({}).buffer).toString('base64');
  const lines = (base64.match(/.{1,110}/g) ?? []).map((line) => `  '${line}'`);
  return `// Made from matmul.wat by tools/dev/assemble-wasm.mjs.\nexport default [\n${lines.join(',\n')},\n].join('');\n`;
}

if (argv[1] === fileURLToPath(import.meta.url)) await writeFile(target, await assemble());
