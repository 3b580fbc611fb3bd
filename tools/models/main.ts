/**
 * Full-size models with random weights, and their logits in double precision.
 *
 *     npm run synthetic -- make qwen2.5-0.5b FOLDER      writes an MLC folder (q4f32_1)
 *     npm run synthetic -- check qwen2.5-0.5b FOLDER FILE --ids 1,2,3
 *
 * `check` compares FILE, which `npm run score` wrote for the same ids, with a float64 computation; it fails where a logit
 * is more than 5e-3 away.
 */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { float64Logits } from './float64.ts';
import { SHAPES, type Shape, type ShapeName } from './shapes.ts';
import { writeSynthetic } from './synthetic.ts';

const TOLERANCE = 5e-3;
const USAGE = `Usage: npm run synthetic -- make SHAPE FOLDER [--seed N]
       npm run synthetic -- check SHAPE FOLDER FILE --ids 1,2,3
SHAPE is one of ${Object.keys(SHAPES).join(', ')}.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string', default: '1' }, ids: { type: 'string' } },
});
const [command, name = '', folder, file] = positionals;
if (!Object.hasOwn(SHAPES, name) || folder === undefined) usage();
const shape: Shape = SHAPES[name as ShapeName];
const started = performance.now();
const seconds = (): string => `${((performance.now() - started) / 1000).toFixed(1)} s`;

if (command === 'make') {
  const bytes = await writeSynthetic(folder, shape, Number(values.seed));
  console.log(`${folder}: ${(bytes / 1e6).toFixed(0)} MB of weights, in ${seconds()}`);
} else if (command === 'check' && file !== undefined && values.ids !== undefined) {
  const ids = values.ids.split(',').map(Number);
  const exact = await float64Logits(folder, shape, ids);
  const bytes = await readFile(file);
  const scored = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const wanted = exact.length * shape.vocabulary;
  if (scored.length !== wanted) throw new Error(`${file} has ${scored.length} numbers; ${wanted} were expected`);
  let worst = 0;
  let largest = 0;
  exact.forEach((row, t) => {
    row.forEach((value, i) => {
      worst = Math.max(worst, Math.abs(value - scored[t * row.length + i]!));
      largest = Math.max(largest, Math.abs(value));
    });
  });
  console.log(
    `${ids.length} × ${shape.vocabulary} logits up to ${largest.toFixed(2)}: at most ${worst.toExponential(2)} from float64, in ${seconds()}`,
  );
  if (!(worst <= TOLERANCE)) process.exit(1);
} else usage();

function usage(): never {
  console.error(USAGE);
  process.exit(2);
}
