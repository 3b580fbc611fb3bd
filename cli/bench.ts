/** `bench`: times the engine, compares two such reports, or checks the counts that do not depend on the machine. */
import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { KINDS, type Grid, type Kind, type Sizes } from '../bench/cases.ts';
import { comparisonRows, compareReports } from '../bench/compare.ts';
import { checkCounts, measureCounts, parseCounts } from '../bench/counts.ts';
import { type BenchOptions, runBench } from '../bench/measure.ts';
import {
  HEADER,
  REPORT_VERSION,
  type BenchReport,
  busyShare,
  limitsLine,
  memoryLine,
  rowsOf,
} from '../bench/report.ts';
import { SHAPES } from '../bench/shapes.ts';
import { PLAIN } from '../workers/kernels/linear.ts';
import { CHOICES, type ProductNames, ROLES } from '../workers/kernels/products.ts';
import { findGpu, type AdapterChoice } from './adapter.ts';
import { adapterLine, backendName, choiceFolder, modelAddress, root } from './engine.ts';
import { about, InputError } from './errors.ts';
import { fetchFile } from './fetch-file.ts';
import { targetsCommand } from './targets.ts';
import { table } from './text.ts';

export interface BenchCommandOptions extends Sizes {
  adapter?: AdapterChoice;
  engine: 'auto' | 'webgpu' | 'reference';
  shapes?: string[];
  cases?: string[];
  grid?: Grid;
  runs?: number;
  out?: string;
  compare?: string[];
  kernels?: string[];
  counts?: boolean;
  update?: boolean;
  targets?: boolean;
}

export async function benchCommand(options: BenchCommandOptions): Promise<void> {
  if (options.compare) return compare(options.compare);
  if (options.targets) return targetsCommand(options.out);
  if (options.update && !options.counts) throw new InputError('--update goes with --counts');
  return options.counts ? counts(options) : measure(options);
}

async function measure(options: BenchCommandOptions): Promise<void> {
  const { shapes, cases, grid, runs, rows, prompt, tokens, out } = options;
  const kinds = cases?.map((name) => known('--cases', name, KINDS) as Kind);
  for (const shape of shapes ?? []) known('--shapes', shape, SHAPES);
  const { engine, gpu } = await whatComputes(options);
  const report = await runBench(
    {
      engine,
      sizes: { ...(rows && { rows }), ...(prompt && { prompt }), ...(tokens && { tokens }) },
      ...(shapes && { shapes }),
      ...(kinds && { kinds }),
      ...(grid && { grid }),
      ...(runs && { runs }),
      ...(options.kernels && { products: productsNamed(options.kernels) }),
    } satisfies BenchOptions,
    {
      gpu,
      choices: choiceFolder,
      address: modelAddress,
      fetch: fetchFile,
      about: {
        commit: commit(),
        versions: await versions(),
        backend: engine === 'webgpu' ? backendName(options.adapter ?? 'auto') : undefined,
      },
      onProgress: (what) => {
        if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${what} …`);
      },
    },
  );
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  print(report);
  if (out === undefined) return;
  await writeFile(out, `${JSON.stringify(report, null, 1)}\n`);
  console.log(`\nSaved in ${out}`);
}

function print({ device, limits, results, skipped, rank, commit: at, versions: v }: BenchReport): void {
  console.log(
    `${adapterLine(device)}; ${Object.entries(v)
      .map((pair) => pair.join(' '))
      .join(', ')}; commit ${at ?? 'unknown'}`,
  );
  if (device.products) console.log(`Products: ${device.products.join(', ')}.`);
  if (limits) console.log(limitsLine(limits));
  console.log(
    `Adapters of rank ${rank} on all seven projections. Medians, and the median absolute deviation, of ${results[0]?.seconds.runs.length ?? 0} runs.\n`,
  );
  console.log(table([HEADER, ...results.flatMap((result) => rowsOf(result, limits))]));
  const details = results.flatMap((result) => {
    const { name, counts: c, memory } = result;
    if (!c || !memory) return [];
    const busy = busyShare(result);
    return [
      `${name}\n  MB held: ${memoryLine(memory)}\n  ` +
        `${c.commandBuffers} command buffers, ${c.writes} writes (${c.writtenBytes} B), ${c.readBackBytes} B read back, ` +
        `${c.buffersCreated} buffers and ${c.bindGroupsCreated} bind groups created` +
        (busy === null ? '' : `; the GPU works ${Math.round(100 * busy)} % of the time`),
    ];
  });
  if (details.length > 0) console.log(`\n${details.join('\n')}`);
  for (const { name, reason } of skipped) console.log(`\nSkipped: ${name}: ${reason}`);
}

async function compare(files: string[]): Promise<void> {
  const [before, after, ...more] = files;
  if (before === undefined || after === undefined || more.length > 0) {
    throw new InputError(`--compare takes two files that --out has written; there are ${files.length}`);
  }
  const comparisons = compareReports(await readReport(before), await readReport(after));
  for (const warning of comparisons.warnings) console.log(warning);
  if (comparisons.lines.length > 0) console.log(table(comparisonRows(comparisons)));
  for (const name of comparisons.onlyBefore) console.log(`Only in ${before}: ${name}`);
  for (const name of comparisons.onlyAfter) console.log(`Only in ${after}: ${name}`);
}

function readReport(file: string): Promise<BenchReport> {
  return about(file, async () => {
    const report = JSON.parse(await readFile(file, 'utf8')) as Partial<BenchReport> | null;
    if (report?.version !== REPORT_VERSION || !Array.isArray(report.results)) {
      throw new Error(`it is not a report of the bench (version ${REPORT_VERSION})`);
    }
    return report as BenchReport;
  });
}

async function counts(options: BenchCommandOptions): Promise<void> {
  const { gpu } = await findGpu(options.adapter ?? 'software');
  if (!gpu) throw new InputError('--counts needs WebGPU; Chromium’s SwiftShader will do (--adapter software)');
  const file = join(root, 'bench/counts.json');
  const measured = await measureCounts({ gpu, perLayer: true, address: modelAddress, fetch: fetchFile });
  if (options.out !== undefined) await writeFile(options.out, `${JSON.stringify(measured, null, 2)}\n`);
  if (options.update) {
    await writeFile(file, `${JSON.stringify(measured, null, 2)}\n`);
    console.log(`Saved in ${file}`);
    return;
  }
  const { grown, shrunk } = checkCounts(parseCounts(await readFile(file, 'utf8')), measured);
  for (const line of shrunk) console.log(`less: ${line}`);
  if (shrunk.length > 0) console.log('Keep it so: npm run bench -- --counts --update');
  for (const line of grown) console.error(`grown: ${line}`);
  if (grown.length > 0) {
    console.error('If that is meant to be: npm run bench -- --counts --update, and say why in the commit.');
    process.exitCode = 1;
    return;
  }
  console.log('Dispatches, read-backs, bytes and memory have not grown.');
}

async function whatComputes({
  engine,
  adapter = 'auto',
}: BenchCommandOptions): Promise<{ engine: 'webgpu' | 'reference'; gpu?: GPU }> {
  if (engine === 'reference') return { engine };
  const { gpu, reason } = await findGpu(adapter);
  if (gpu) return { engine: 'webgpu', gpu };
  if (engine === 'webgpu') throw new InputError(`--engine webgpu: ${reason}`);
  console.error(`${reason} Measuring the reference engine instead; --adapter software measures WebGPU on the CPU.`);
  return { engine: 'reference' };
}

/**
 * Of `plain` or `decode=lanes`: the first is for all products; `plain` is for everything that is chosen. Whether the device has them is seen when they
 * are compiled.
 */
function productsNamed(list: string[]): Partial<ProductNames> {
  const names: Partial<ProductNames> = {};
  for (const item of list) {
    const [what, name] = item.split('=') as [string, string?];
    if (what === 'plain') Object.assign(names, PLAIN);
    else if (name === undefined) for (const role of ROLES) names[role] = what;
    else names[known('--kernels', what, CHOICES) as keyof ProductNames] = name;
  }
  return names;
}

function known(option: string, name: string, names: readonly string[]): string {
  if (!names.includes(name)) throw new InputError(`${option} ${name}: there are ${names.join(', ')}`);
  return name;
}

function commit(): string | null {
  try {
    const git = (...args: string[]) =>
      execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '--untracked-files=no') ? '+' : '');
  } catch {
    return null;
  }
}

async function versions(): Promise<Record<string, string>> {
  const require = createRequire(join(root, 'package.json'));
  const version = async (file: string) =>
    (JSON.parse(await readFile(require.resolve(file), 'utf8')) as { version: string }).version;
  return {
    neuromas: await version('./package.json'),
    node: process.versions.node,
    webgpu: await version('webgpu/package.json').catch(() => 'unknown'),
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model ?? 'unknown',
  };
}
