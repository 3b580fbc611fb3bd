/** `bench --targets`: measures all that the targets of bench/targets.ts need and this machine has, each in a process of its own. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type CountTable, parseCounts } from '../bench/counts.ts';
import type { BenchReport } from '../bench/report.ts';
import { type Evidence, type Found, type PeerReport, judge, reasonsOf, targetRows } from '../bench/targets.ts';
import { root } from './engine.ts';
import { pageRate } from './page-rate.ts';
import { table } from './text.ts';

const run = promisify(execFile);
/** A peer compiles and warms up; a bench on a slow CPU takes minutes. */
const LIMIT_MS = 30 * 60_000;

export async function targetsCommand(out: string | undefined): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'neuromas-targets-'));
  const bench = async <T>(
    name: string,
    args: string[],
    read: (json: string) => T,
    cores?: string,
  ): Promise<Found<T>> => {
    console.error(`${name} …`);
    const file = join(folder, `${name}.json`);
    const command = [process.execPath, join(root, 'cli/run.mjs'), 'bench', ...args, '--out', file];
    return found(onCores(command, cores), async () => read(await readFile(file, 'utf8')));
  };
  const report = (name: string, args: string[], cores?: string) =>
    bench<BenchReport>(name, args, (json) => JSON.parse(json) as BenchReport, cores);
  try {
    const counts = await bench<CountTable>('counts', ['--counts'], parseCounts);
    const nano = ['--shapes', 'nano', '--grid'];
    const software = await report('software', [...nano, 'small', '--cases', 'step', '--adapter', 'software'], '0,1');
    const reference = await report('reference', [...nano, 'small', '--cases', 'step', '--engine', 'reference'], '0');
    console.error('the page …');
    const [pageReference, pageSoftware] = [await pageRate('reference', reference), await pageRate('webgpu', software)];
    const gpu = await report('gpu', [...nano, 'full', '--cases', 'decode,update,step', '--adapter', 'hardware']);
    // Without a GPU there is nothing that a large model or a peer could be compared on.
    const shapes = ['--shapes', 'smollm2-135m,smollm2-360m', '--grid', 'full', '--cases', 'decode,update'];
    const large = gpu.value ? await report('large', [...shapes, '--adapter', 'hardware']) : { why: gpu.why };
    const peer = (name: string, args: string[]): Promise<Found<PeerReport>> | Found<PeerReport> =>
      gpu.value ? peerReport(name, args, join(folder, `${name}.json`)) : { why: gpu.why };
    const shape = ['--shape', 'smollm2-135m'];
    const evidence: Evidence = {
      ...{ counts, software, reference, pageReference, pageSoftware, gpu, large },
      reinforce: await peer('reinforce', []),
      huggingFace: await peer('hugging_face', shape),
      graphs: await peer('llama_graphs', shape),
    };
    const judged = judge(evidence);
    console.log(table(targetRows(judged)));
    for (const [i, why] of reasonsOf(judged).entries()) console.log(`${i === 0 ? '\n' : ''}(${i + 1}) ${why}`);
    if (out !== undefined) {
      const text = JSON.stringify({ date: new Date().toISOString(), targets: judged, evidence }, null, 1);
      await writeFile(out, `${text}\n`);
      console.log(`\nSaved in ${out}`);
    }
    if (judged.some(({ reached }) => reached === false)) process.exitCode = 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The Python that has PyTorch: NEUROMAS_PYTHON, or python3. */
async function peerReport(name: string, args: string[], file: string): Promise<Found<PeerReport>> {
  console.error(`bench/peers/${name}.py …`);
  const python = process.env['NEUROMAS_PYTHON'] ?? 'python3';
  const probe = 'import torch; assert torch.cuda.is_available(), "PyTorch finds no CUDA device"';
  const there = await found([python, '-c', probe], () => Promise.resolve(true));
  if (!there.value) return { why: `${python}: ${there.why ?? ''} (NEUROMAS_PYTHON names another)` };
  const script = join(root, 'bench/peers', `${name}.py`);
  return found([python, script, ...args, '--out', file], async () => {
    return JSON.parse(await readFile(file, 'utf8')) as PeerReport;
  });
}

/** Runs a program; what `read` then gives, or the last line it complained with. */
async function found<T>([program, ...args]: string[], read: () => Promise<T>): Promise<Found<T>> {
  try {
    await run(program!, args, { cwd: root, timeout: LIMIT_MS, maxBuffer: 2 ** 26 });
    return { value: await read() };
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    return { why: (stderr?.trim() || message).split('\n').at(-1)!.trim() };
  }
}

/** A machine of more cores is held to those of the target, where the system can do that. */
function onCores(command: string[], cores: string | undefined): string[] {
  const fewer = cores !== undefined && cores.split(',').length < availableParallelism();
  return fewer && process.platform === 'linux' ? ['taskset', '-c', cores, ...command] : command;
}
