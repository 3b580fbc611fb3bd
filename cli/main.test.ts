/** The real commands, in processes of their own, as a user starts them. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unzipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BenchReport } from '../bench/report.ts';
import { rounded } from '../src/recording/encode.ts';
import { readRecording } from '../src/recording/file.ts';
import { badServer, json, says } from '../tests/support/openai.ts';
import type { RunResult } from './run-folder.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
let folder: string;

interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a command; `onLine` sees its stdout as it comes, and may send signals. */
function neuromas(
  args: string[],
  onLine?: (line: string, kill: (signal: NodeJS.Signals) => void) => void,
): Promise<Finished> {
  // Without the tests' way to SwiftShader: the command has to find its own.
  const env = { ...process.env };
  for (const name of ['LD_LIBRARY_PATH', 'VK_ICD_FILENAMES', 'VK_DRIVER_FILES']) Reflect.deleteProperty(env, name);
  const child = spawn(process.execPath, [join(root, 'cli/run.mjs'), ...args], { cwd: folder, env });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data: Buffer) => {
    stdout += data.toString();
    for (const line of data.toString().split('\n')) onLine?.(line, (signal) => child.kill(signal));
  });
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
}

/** One node on tiny steps, on the reference engine: a second's work. */
const TINY = ['--adapter', 'none'].concat(
  [
    ...['graph.layers=1', 'task.level=1', 'training.problems=3', 'training.samples=2'],
    ...['evaluation.problems=4', 'evaluation.every=0'],
  ].flatMap((set) => ['--set', set]),
);

const resultOf = async (run: string) =>
  JSON.parse(await readFile(join(folder, run, 'result.json'), 'utf8')) as RunResult;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'neuromas-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('questions of a file', () => {
  const train = ['train', ...TINY, '--set', 'sampling.maxNewTokens=4', '--steps', '1'];
  const line = (question: string, answer: string): string => `${JSON.stringify({ question, answer })}\n`;

  it('are trained on, kept with the run, and named where they are missing', { timeout: 240_000 }, async () => {
    const lines = Array.from({ length: 20 }, (_, i) => line(`${i % 10}+${i >> 3}`, String((i % 10) + (i >> 3))));
    await writeFile(join(folder, 'sums.jsonl'), lines.join(''));
    const trained = await neuromas([...train, '--data', 'sums.jsonl', '--match', 'numeric', '--out', 'sums']);
    expect(trained).toMatchObject({ code: 0, stderr: '' });
    expect(trained.stdout).toMatch(/^sums.jsonl, numeric, layers 1 of nano/);
    const { spec } = await resultOf('sums');
    expect(spec.task).toEqual({ name: 'data', level: 1 });
    expect(spec.data).toMatchObject({ file: 'sums.jsonl', match: 'numeric', heldOut: 0.2 });

    await rm(join(folder, 'sums.jsonl'));
    const evaluate = ['eval', '--run', 'sums', '--adapter', 'none'];
    expect(await neuromas(evaluate)).toMatchObject({ code: 0, stderr: '' });
    await rm(join(folder, 'sums/data.jsonl'));
    const missing = await neuromas(evaluate);
    expect(missing).toMatchObject({ code: 2, stdout: '' });
    expect(missing.stderr).toMatch(/in the file "sums.jsonl" .* is not here; give it with --data FILE/);
    await writeFile(join(folder, 'again.jsonl'), lines.join(''));
    expect(await neuromas([...evaluate, '--data', 'again.jsonl'])).toMatchObject({ code: 0 });
    await writeFile(join(folder, 'other.jsonl'), lines.slice(1).join(''));
    expect((await neuromas([...evaluate, '--data', 'other.jsonl'])).stderr).toMatch(/not here, nor is other.jsonl/);
  });

  it('are refused with their lines before anything is written', { timeout: 120_000 }, async () => {
    await writeFile(join(folder, 'broken.jsonl'), `${line('1+1', '2')}{"question": "1+2"}\n`);
    const broken = await neuromas([...train, '--data', 'broken.jsonl', '--out', 'broken']);
    expect(broken).toMatchObject({ code: 2, stdout: '' });
    expect(broken.stderr).toBe('error: broken.jsonl: line 2: it has no "answer"; its fields are "question"\n');
    await writeFile(join(folder, 'umlaut.jsonl'), line('1+1', '2') + line('Größe', 'x'));
    const umlaut = await neuromas([...train, '--data', 'umlaut.jsonl', '--out', 'broken']);
    expect(umlaut.stderr).toMatch(/line 2: the question has the character "ö" \(U\+00F6\), and nano knows/);
    expect(existsSync(join(folder, 'broken'))).toBe(false);
  });
});

describe('the key of a server', () => {
  it('is in nothing that a run writes or says, though the server says it back', { timeout: 240_000 }, async () => {
    const key = 'sk/very-secret-4711';
    process.env['NEUROMAS_TEST_SERVER_KEY'] = key;
    let refuses = false;
    const server = await badServer((response, { headers }) => {
      const said = headers.authorization ?? 'nothing';
      if (refuses) json(response, 401, { error: { message: `no: ${said}` } });
      else json(response, 200, says(`I know ${said}`));
    });
    const helper = { backend: 'endpoint', url: server.url, model: 'm' };
    const spec = {
      ...{ engine: 'reference', task: { level: 1 }, graph: { layers: [2, 1], helpers: { '1.1': helper } } },
      ...{ training: { problems: 3, samples: 2, steps: 2 }, evaluation: { problems: 4, every: 1 } },
    };
    await writeFile(join(folder, 'helped.json'), JSON.stringify(spec));
    const given = ['--key', `${server.url}=NEUROMAS_TEST_SERVER_KEY`, '--adapter', 'none'];
    const command = ['train', '--spec', 'helped.json', '--out', 'helped', '--record', 'helped.recording.zip', ...given];
    const trained = await neuromas(command);
    expect(trained).toMatchObject({ code: 0, stderr: '' });
    refuses = true;
    const refused = await neuromas(['eval', '--run', 'helped', ...given]);
    await server.close();
    expect(server.seen.every(({ headers }) => headers.authorization === `Bearer ${key}`)).toBe(true);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/the server wants a key, or another one \(status 401: no: Bearer \(the key\)\)/);

    const files = await readdir(join(folder, 'helped'), { recursive: true, withFileTypes: true });
    const paths = files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
    const written = await Promise.all(paths.map((path) => readFile(path)));
    const recording = await readFile(join(folder, 'helped.recording.zip'));
    written.push(...Object.values(unzipSync(recording)).map((bytes) => Buffer.from(bytes)));
    const all = [...written.map((bytes) => bytes.toString('latin1')), JSON.stringify([trained, refused])].join('\n');
    expect(all).toContain('I know Bearer (the key)');
    for (const one of [key, key.replaceAll('/', '\\/'), 'very-secret']) expect(all).not.toContain(one);
  });
});

describe('a reward function', () => {
  const train = ['train', ...TINY, '--set', 'sampling.maxNewTokens=4', '--steps', '1'];

  it('judges, and is run again only when its user says so', { timeout: 240_000 }, async () => {
    await writeFile(join(folder, 'reward.js'), 'const reward = (problem, answer, messages) => messages.length / 4;\n');
    const trained = await neuromas([...train, '--reward', 'reward.js', '--out', 'judged']);
    expect(trained.stderr).toBe('');
    expect(trained.stdout).toMatch(/step 1\/1 +reward 0\.250/);

    const resume = ['train', '--resume', 'judged', '--steps', '2', '--adapter', 'none'];
    for (const command of [resume, ['eval', '--run', 'judged', '--adapter', 'none']]) {
      const asked = await neuromas(command);
      expect(asked).toMatchObject({ code: 2, stdout: '' });
      expect(asked.stderr).toMatch(/brings a reward function of 2 lines.*--trust-reward/);
    }
    expect((await neuromas([...resume, '--trust-reward'])).stdout).toMatch(/step 2\/2 +reward 0\.250/);
  });

  it.each([
    ['a fault', 'function reward(problem) {\n  return problem.nope.x;\n}', /on the problem ".*": line 2: cannot read/],
    ['no number', 'const reward = () => "good"', /it returned "good"; a reward is a number from 0 to 1/],
    ['no end', 'const reward = () => { for (;;); }', /it does not come to an end/],
    ['no function', 'reward = 1', /it defines no function named reward/],
  ])('with %s ends the run and saves nothing', { timeout: 120_000 }, async (_, code, said) => {
    await writeFile(join(folder, 'bad.js'), code);
    const { code: exit, stderr } = await neuromas([...train, '--reward', 'bad.js', '--out', 'unjudged']);
    expect(exit).toBe(2);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(said);
    expect(existsSync(join(folder, 'unjudged/result.json'))).toBe(false);
  });
});

describe('a model that judges', () => {
  const judges = join(root, 'tests/fixtures/judges');
  const by = (kind: string) => [
    ...['train', ...TINY, '--set', 'sampling.maxNewTokens=4', '--steps', '1'],
    ...['--set', `reward.judge.kind=${kind}`, '--set', `reward.judge.model=${join(judges, kind)}`],
  ];

  it('gives the reward, and again when the run goes on', { timeout: 240_000 }, async () => {
    const trained = await neuromas([...by('similarity'), '--set', 'reward.judge.bits=32', '--out', 'alike']);
    expect(trained.stderr).toBe('');
    const rewardOf = (stdout: string): number => Number(/step \d\/\d +reward (\d\.\d+)/.exec(stdout)?.[1]);
    // Right answers alone would be 0 or 1; a cosine is not.
    expect(rewardOf(trained.stdout)).toBeGreaterThan(0);
    expect(rewardOf(trained.stdout)).toBeLessThan(1);
    const resumed = await neuromas(['train', '--resume', 'alike', '--steps', '2', '--adapter', 'none']);
    expect(rewardOf(resumed.stdout)).toBeGreaterThan(0);
  });

  it('that is not there is named before anything is trained', { timeout: 120_000 }, async () => {
    const { code, stdout, stderr } = await neuromas([...by('similarity'), '--out', 'unjudged']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/the judge file:.*similarity\/ could not be loaded: .*model_quantized\.onnx/);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(existsSync(join(folder, 'unjudged'))).toBe(false);
  });
});

describe('bad input', () => {
  const spec = (json: unknown) => async () => {
    await writeFile(join(folder, 'spec.json'), typeof json === 'string' ? json : JSON.stringify(json));
  };
  const model = (damage: (copy: string) => Promise<void>) => async () => {
    const copy = join(folder, 'model');
    await rm(copy, { recursive: true, force: true });
    await cp(join(root, 'public/models/nano'), copy, { recursive: true });
    await damage(copy);
  };
  const shard = 'params_shard_0.bin';
  const ids = ['--ids', '1,64', '--out', 'out', '--adapter', 'none'];

  it.each<[string, string[], RegExp, (() => Promise<void>)?]>([
    ['an unknown command', ['trian'], /unknown command 'trian'/],
    ['an unknown option', ['train', '--stepps', '3'], /unknown option '--stepps'/],
    ['a wrong number', ['train', '--steps', '3.5'], /'3.5' is invalid.*from 0 to 1000000/],
    ['an unknown adapter', ['train', '--adapter', 'gpu'], /'gpu' is invalid.*auto, hardware, software, none/],
    ['an unknown preset', ['train', '--preset', 'nope'], /--preset nope: .*arithmetic-2-1/],
    ['a preset and a file', ['train', '--preset', 'single', '--spec', 'spec.json'], /exclude each other/],
    ['a setting without a value', ['train', '--set', 'seed'], /--set seed: write path=value/],
    ['an unknown field', ['train', '--set', 'training.rate=1'], /"training.rate" names no field/],
    ['a value out of range', ['train', '--set', 'training.samples=1'], /training.samples: 1 .*2 to 256/],
    ['an unknown task', ['train', '--set', 'task.name=chess'], /task.name: there is no task "chess"/],
    ['a level that is not there', ['train', '--set', 'task.level=50'], /task.level: 50/],
    ['an impossible graph', ['train', '--set', 'graph.layers=2-2'], /graph: the last layer has 2 nodes/],
    ['a missing file', ['train', '--spec', 'nowhere.json'], /nowhere.json: there is no such file/],
    ['a file that is not JSON', ['train', '--spec', 'spec.json'], /spec.json: .*JSON/, spec('{')],
    [
      'a file that would command the terminal',
      ['train', '--spec', 'spec.json'],
      /^error: spec.json: Unexpected token '\\u\{1b\}'\P{Cc}*$/u,
      spec('{"seed":\u001b[31m\u2028'),
    ],
    [
      'an unknown key in a file',
      ['train', '--spec', 'spec.json'],
      /spec.json: trainig: unknown field/,
      spec({ trainig: {} }),
    ],
    ['a run that is not there', ['train', '--resume', 'nowhere'], /nowhere.*there is no such file/],
    ['a folder without a run', ['eval', '--run', 'nowhere'], /result.json: there is no such file/],
    ['a recording by another name', ['train', '--record', 'x.json'], /x.json: .* ends in .recording.zip/],
    ['a missing option', ['eval'], /required option '--run <dir>' not specified/],
    ['ids that are none', ['score', '--ids', '1,x', '--out', 'out'], /'1,x' is invalid. Its item 2/],
    [
      'an id outside the vocabulary',
      ['score', '--model', 'nano', ...ids, '--ids', '1,128'],
      /128 is not in the vocabulary.*0 to 127/,
    ],
    ['a run without a node', ['score', '--run', 'x', ...ids], /--run and --node belong together/],
    [
      'a GPU that is not wanted',
      ['score', '--model', 'nano', '--engine', 'webgpu', ...ids],
      /engine "webgpu": No adapter/,
    ],
    ['no model', ['score', ...ids], /--model is missing/],
    ['a folder without a model', ['score', '--model', './nowhere', ...ids], /mlc-chat-config.json does not exist/],
    [
      'a shard cut off',
      ['score', '--model', './model', ...ids],
      /params_shard_0.bin/,
      model((copy) => truncate(join(copy, shard), 1000)),
    ],
    [
      'an altered shard',
      ['score', '--model', './model', ...ids],
      /params_shard_0.bin.*md5/,
      model(async (copy) => {
        const bytes = await readFile(join(copy, shard));
        bytes[5000]! ^= 1;
        await writeFile(join(copy, shard), bytes);
      }),
    ],
  ])('%s: one line, exit code 2, nothing written', async (_, args, expected, prepare) => {
    await prepare?.();
    const { code, stdout, stderr } = await neuromas([...args, ...(args[0] === 'train' ? ['--out', 'out'] : [])]);
    // The engine's fallback may be said before.
    const lines = stderr.trimEnd().split('\n');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^error: /);
    expect(lines[0]).toMatch(expected);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(existsSync(join(folder, 'out'))).toBe(false);
  });
});

describe('train, eval and score', () => {
  it('trains, saves, evaluates, scores and goes on', async () => {
    const trained = await neuromas(['train', ...TINY, '--steps', '3', '--seed', '7', '--out', 'run']);
    expect(trained).toMatchObject({ code: 0, stderr: '' });
    expect(trained.stdout).toContain('step 3/3');
    const result = await resultOf('run');
    expect(result).toMatchObject({
      steps: 3,
      spec: { seed: 7 },
      adapter: { engine: 'reference', backend: 'javascript' },
    });
    expect(result.curve.map(({ step }) => step)).toEqual([1, 2, 3]);
    expect(result.trained.problems).toBe(4);

    const evaluated = await neuromas(['eval', '--run', 'run', '--adapter', 'none']);
    expect(evaluated.code).toBe(0);
    // What was saved is what was measured.
    expect(evaluated.stdout).toContain(`Accuracy ${result.trained.accuracy.toFixed(4)} on 4 held-out problems`);

    const score = (out: string, ...more: string[]) =>
      neuromas(['score', '--ids', '1,64,49', '--out', out, '--adapter', 'none', ...more]);
    expect((await score('base.f32', '--model', 'nano')).code).toBe(0);
    expect((await score('node.f32', '--run', 'run', '--node', '1.0')).code).toBe(0);
    const [base, node] = await Promise.all(['base.f32', 'node.f32'].map(async (file) => readFile(join(folder, file))));
    expect(base).toHaveLength(4 * 3 * 128);
    expect(node!.equals(base!)).toBe(false);

    expect((await neuromas(['record', '--run', 'run', '--out', 'run.recording.zip', '--adapter', 'none'])).code).toBe(
      0,
    );
    const saved = readRecording(await readFile(join(folder, 'run.recording.zip')));
    expect(saved.curve.map(({ step }) => step)).toEqual([1, 2, 3]);
    expect(saved.frames.map(({ step }) => step)).toEqual([0, 3]);

    const longer = await neuromas(['train', '--resume', 'run', '--steps', '5', '--adapter', 'none']);
    expect(longer).toMatchObject({ code: 0 });
    const straight = await neuromas(['train', ...TINY, '--steps', '5', '--seed', '7', '--out', 'straight']);
    expect(straight.code).toBe(0);
    // A resumed run is the run that was never interrupted, bit for bit.
    const adapter = (run: string) => readFile(join(folder, run, 'adapters/1.0/adapter_model.safetensors'));
    expect((await adapter('run')).equals(await adapter('straight'))).toBe(true);
    const curve = async (run: string) =>
      (await resultOf(run)).curve.map(({ step, reward, kl }) => ({ step, reward, kl }));
    expect(await curve('run')).toEqual(await curve('straight'));
  });

  it('records a run while it trains', async () => {
    const name = 'mine.recording.zip';
    const { code, stdout } = await neuromas(['train', ...TINY, '--steps', '4', '--out', 'filmed', '--record', name]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/Recorded in mine.recording.zip \(\d kB\)/);
    const recording = readRecording(await readFile(join(folder, name)));
    expect(recording.device).toMatchObject({ engine: 'reference', name: expect.stringContaining('Node.js') });
    expect(recording.frames.map(({ step }) => step)).toEqual([0, 1, 2, 3, 4]);
    expect(recording.practice).toHaveLength(4);
    const { curve, trained } = await resultOf('filmed');
    expect(recording.curve.map(({ reward }) => reward)).toEqual(curve.map(({ reward }) => rounded(reward)));
    expect(recording.evaluations.at(-1)?.accuracy).toBe(rounded(trained.accuracy));
  });

  it('stops on Ctrl-C with what was learned', async () => {
    let sent = false;
    const { code, stderr } = await neuromas(['train', ...TINY, '--steps', '5000', '--out', 'stopped'], (line, kill) => {
      if (sent || !line.startsWith('step 50')) return;
      sent = true;
      // Twice at once, as a terminal and npm both deliver one key press.
      kill('SIGINT');
      kill('SIGINT');
    });
    expect(code).toBe(0);
    expect(stderr).toContain('Stopping; what was learned will be saved.');
    const { steps, curve, trained } = await resultOf('stopped');
    expect(steps).toBeGreaterThanOrEqual(50);
    expect(steps).toBeLessThan(5000);
    expect(curve).toHaveLength(steps);
    expect(trained.problems).toBe(4);
    expect(existsSync(join(folder, 'stopped/adapters/1.0/adapter_config.json'))).toBe(true);
  });

  it('saves the one adapter of nodes that share it for each of them, and reads it again', async () => {
    const shared = ['--set', 'graph.layers=[2,1]', '--set', 'lora.shared=true', '--steps', '2', '--out', 'shared'];
    expect(await neuromas(['train', ...TINY, ...shared])).toMatchObject({ code: 0, stderr: '' });
    // The header names the node; what follows it is the same.
    const weights = async (node: string) => {
      const file = await readFile(join(folder, 'shared/adapters', node, 'adapter_model.safetensors'));
      return file.subarray(8 + Number(file.readBigUInt64LE()));
    };
    expect((await weights('1.1')).equals(await weights('2.0'))).toBe(true);
    const { trained } = await resultOf('shared');
    const { code, stdout, stderr } = await neuromas(['eval', '--run', 'shared', '--adapter', 'none']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain(`Accuracy ${trained.accuracy.toFixed(4)} on 4 held-out problems`);
  });

  it('says which model a task was made for, where it is run on one that cannot do it', async () => {
    const follow = ['train', ...TINY, '--set', 'task.name=lookup', '--steps', '1', '--out', 'followed'];
    const onNano = await neuromas(follow);
    expect(onNano).toMatchObject({ code: 0, stderr: '' });
    expect(onNano.stdout).toMatch(/^nano cannot do the parts of lookup, .*--model nano-lookup can\.$/m);
    const { stdout } = await neuromas([...follow, '--model', 'nano-lookup']);
    expect(stdout).toContain('layers 1 of nano-lookup');
    expect(stdout).not.toContain('cannot do');
  });

  it('falls back to the reference engine and says why', async () => {
    const { code, stdout, stderr } = await neuromas(['score', '--model', 'nano', '--ids', '1', '--out', 'x.f32']);
    expect(code).toBe(0);
    // With a GPU there is nothing to say.
    if (stdout.includes('WebGPU')) expect(stderr).toBe('');
    else expect(stderr).toMatch(/Computing on the CPU instead \(the reference engine\)\.\n$/);
  });
});

describe('bench', () => {
  const tiny = ['--engine', 'reference', '--shapes', 'nano', '--cases', 'decode', '--rows', '1', '--runs', '1'];

  it('times the reference engine, saves a report and compares two', async () => {
    for (const out of ['a.json', 'b.json']) {
      const { code, stdout } = await neuromas(['bench', ...tiny, '--out', out]);
      expect(code).toBe(0);
      expect(stdout).toContain('nano decode, 1 × 1 rows, 24 + 8 tokens');
    }
    const report = JSON.parse(await readFile(join(folder, 'a.json'), 'utf8')) as BenchReport;
    expect(report.device.engine).toBe('reference');
    expect(report.results[0]!.seconds.median).toBeGreaterThan(0);
    expect(report.results[0]!.tokens.message).toBe(8);
    const { code, stdout } = await neuromas(['bench', '--compare', 'a.json', 'b.json']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/tokens: decode .*(faster|slower|no difference)\n/);
  });

  it('names what it cannot use', async () => {
    await writeFile(join(folder, 'other.json'), '{}');
    for (const [args, message] of [
      [['--compare', 'other.json', 'other.json'], 'other.json: it is not a report of the bench (version 1)'],
      [['--compare', 'other.json'], '--compare takes two files that --out has written; there are 1'],
      [['--shapes', 'gpt-2'], '--shapes gpt-2: there are nano, small'],
      [['--update'], '--update goes with --counts'],
    ] as const) {
      const { code, stderr } = await neuromas(['bench', ...args]);
      expect(stderr).toContain(`error: ${message}`);
      expect(code).toBe(2);
    }
  });
});

describe('GPU memory', () => {
  const LARGE = ['train', '--dry-run', '--adapter', 'software', '--set', 'training.problems=512'];

  it('a run that does not fit is refused with its figure, the limit and settings that fit', async () => {
    const refused = await neuromas([...LARGE, '--memory', '2']);
    expect(refused.code).toBe(2);
    expect(refused.stdout).toMatch(/GPU memory, with prompts of up to \d+ tokens:\n {2}base weights/);
    const [, needed, settings, smaller] =
      /takes up to ([\d.]+) GB of GPU memory; 2.00 GB may be used. With (--set .+) it takes ([\d.]+) GB/.exec(
        refused.stderr,
      )!;
    expect(Number(needed)).toBeGreaterThan(2);
    const fits = await neuromas([...LARGE, '--memory', '2', ...settings!.split(' ')]);
    expect(fits).toMatchObject({ code: 0, stderr: '' });
    const [, megabytes] = /together, at most +([\d,]+) MB/.exec(fits.stdout)!;
    expect(Number(megabytes!.replace(',', '')) / 1000).toBeCloseTo(Number(smaller), 1);
  });

  it('takes no amount that is none', async () => {
    const { code, stderr } = await neuromas([...LARGE, '--memory', 'all']);
    expect(code).toBe(2);
    expect(stderr).toContain('a number of GB from 0.1 to 1000');
  });
});
