/**
 * Hugging Face safetensors → MLC q4f16_1 model folder.
 *
 *     npm run base-model -- tools/base-model/weights/nano public/models/nano
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSafetensors } from '../../src/storage/safetensors.ts';
import { toMlc, type HuggingFaceConfig } from './mlc.ts';

const [source, target, ...rest] = process.argv.slice(2);
if (source === undefined || target === undefined || rest.length > 0) {
  console.error('Usage: npm run base-model -- SOURCE TARGET\nSOURCE holds config.json and model.safetensors.');
  process.exit(2);
}
const config = JSON.parse(await readFile(join(source, 'config.json'), 'utf8')) as HuggingFaceConfig;
const folder = toMlc(config, readSafetensors(await readFile(join(source, 'model.safetensors'))).tensors);
await mkdir(target, { recursive: true });
for (const [name, content] of Object.entries(folder))
  await writeFile(join(target, name), content as string | Uint8Array);
console.log(`${target}: ${folder['params_shard_0.bin'].byteLength.toLocaleString('en')} bytes of weights`);
