/** The command line: `train`, `record`, `eval`, `score`, `serve`, `study`, `presets`, `bench`. `cli/run.mjs` starts it. */
import { isMainThread } from 'node:worker_threads';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { GRIDS, KINDS } from '../bench/cases.ts';
import { SHAPES } from '../bench/shapes.ts';
import { ADAPTER_CHOICES } from './adapter.ts';
import { benchCommand, type BenchCommandOptions } from './bench.ts';
import { studies } from '../src/study/index.ts';
import { visible } from '../src/tasks/data/error.ts';
import { isInputError } from './errors.ts';
import { exportCommand, type ExportCommandOptions } from './export.ts';
import { serveLane } from './lanes.ts';
import { evalCommand, type EvalCommandOptions } from './evaluate.ts';
import {
  adapterOption,
  bitsOption,
  DEFAULT_PRESET,
  gigabytesOf,
  matchOption,
  modelOption,
  trustOption,
  whole,
} from './options.ts';
import { presetsCommand } from './presets.ts';
import { recordCommand, type RecordCommandOptions } from './record.ts';
import { scoreCommand, type ScoreCommandOptions } from './score.ts';
import { serveCommand, type ServeCommandOptions } from './serve.ts';
import { studyCommand, type StudyCommandOptions } from './study.ts';
import { trainCommand, type TrainCommandOptions } from './train.ts';

const U32 = 2 ** 32 - 1;

function program(): Command {
  const main = new Command('neuromas')
    .description('Networks of small language models that learn to work together.')
    .exitOverride()
    .showSuggestionAfterError(false)
    .configureOutput({ outputError: (text, write) => write(`${text.trim().replace(/\s*\n\s*/g, ' ')}\n`) })
    // With it, commands inherit the settings above.
    .helpCommand(false);

  main
    .command('train')
    .description('Train a network and save it.')
    .option('--preset <name>', `what to run (default: ${DEFAULT_PRESET}; "npm run presets" lists them)`)
    .option('--spec <file>', 'what to run, as JSON')
    .addOption(modelOption('the specification’s'))
    .addOption(bitsOption())
    .option('--set <path=value>', 'change a field of the specification; may be repeated', collect, [])
    .option('--steps <n>', 'training steps in all', whole(0, 1_000_000))
    .option('--seed <n>', 'draws other problems, messages and first weights', whole(0, U32))
    .option('--out <dir>', 'where to save (default: a new folder in runs/)')
    .option('--resume <dir>', 'go on with the run saved there')
    .option('--reward <file>', 'judge by the JavaScript function reward(problem, answer, messages) in it')
    .addOption(trustOption())
    .option('--data <file>', 'questions of your own: one {"question": …, "answer": …} a line')
    .addOption(matchOption())
    .option('--import <node=folder>', 'begin a node with a PEFT adapter; may be repeated', collect, [])
    .option('--record <file>', 'also save what there is to see of it: curves, messages, decisions')
    .option(
      '--memory <gb>',
      'GB of GPU memory it may take (default: 4, and no limit for the built-in models)',
      gigabytesOf,
    )
    .option('--dry-run', 'say what it takes of a GPU’s memory, and end')
    .addOption(keyOption())
    .addOption(adapterOption())
    .addHelpText(
      'after',
      examples(
        'npm run train',
        'npm run train -- --preset arithmetic-2-1-small --out runs/mine',
        'npm run train -- --seed 2 --set graph.layers=4-2-1 --set task.level=2 --steps 200',
        'npm run train -- --resume runs/mine --steps 150',
        'npm run train -- --model Qwen/Qwen3-0.6B --bits 4 --set sampling.maxNewTokens=64',
        'npm run train -- --model Qwen/Qwen3-0.6B --dry-run --memory 6',
        'npm run train -- --reward my-reward.js',
        'npm run train -- --data questions.jsonl --match numeric',
        'npm run train -- --preset arithmetic-2-1-small --record mine.recording.zip',
      ),
    )
    .action((options: TrainCommandOptions) => trainCommand(options));

  main
    .command('export')
    .description('Write a base model as a Hugging Face folder, with the very numbers that are computed with here.')
    .addOption(modelOption('nano'))
    .addOption(bitsOption())
    .requiredOption('--out <dir>', 'where to write config.json and model.safetensors (f32)')
    .addHelpText(
      'after',
      examples(
        'npm run export -- --model nano --out exported',
        'python3 tools/python/load.py runs/mine/adapters/1.0 --base exported --ids 1,64,49',
      ),
    )
    .action((options: ExportCommandOptions) => exportCommand(options));

  main
    .command('record')
    .description('Make a recording of a run that is saved: its curves, and what it writes untrained and trained.')
    .requiredOption('--run <dir>', 'folder of the run')
    .requiredOption('--out <file>', 'where to save it; its name ends in .recording.zip')
    .addOption(trustOption())
    .option('--data <file>', 'its questions, where the folder has lost them')
    .addOption(adapterOption())
    .addHelpText('after', examples('npm run record -- --run runs/mine --out mine.recording.zip'))
    .action((options: RecordCommandOptions) => recordCommand(options));

  main
    .command('eval')
    .description('Greedy accuracy of a trained network on held-out problems, with transcripts.')
    .requiredOption('--run <dir>', 'folder of the run')
    .option('--level <n>', 'level of the problems (default: the one trained)', whole(1, 99))
    .option('--problems <n>', 'how many', whole(1, 100_000))
    .option('--seed <n>', 'draws other problems', whole(0, U32))
    .addOption(trustOption())
    .option('--data <file>', 'its questions, where the folder has lost them')
    .addOption(keyOption())
    .addOption(adapterOption())
    .addHelpText(
      'after',
      examples('npm run eval -- --run runs/mine --problems 500', 'npm run eval -- --run runs/mine --level 2'),
    )
    .action((options: EvalCommandOptions) => evalCommand(options));

  main
    .command('score')
    .description('Logits of a model, as f32 little-endian [positions, vocabulary].')
    .addOption(modelOption('the run’s'))
    .addOption(bitsOption())
    .requiredOption('--ids <list>', 'token ids, separated by commas', tokenIds)
    .option('--run <dir>', 'folder of a run, with --node')
    .option('--node <name>', 'a node of the run whose adapter to apply, for example 1.0')
    .requiredOption('--out <file>', 'where to write them')
    .addOption(new Option('--engine <which>', 'what computes').choices(['auto', 'webgpu', 'reference']).default('auto'))
    .addOption(adapterOption())
    .addHelpText(
      'after',
      examples(
        'npm run score -- --model nano --ids 1,64,49,46,48 --out logits.f32',
        'npm run score -- --run runs/mine --node 1.0 --ids 1,64,49,46,48 --out logits.f32',
      ),
    )
    .action((options: ScoreCommandOptions) => scoreCommand(options));

  main
    .command('serve')
    .description('Serve a model, and the nodes of a run as models of their own, behind the OpenAI API.')
    .option('--run <dir>', 'folder of a run; its nodes are served as 1.0, 1.1, …')
    .addOption(modelOption('the run’s'))
    .addOption(bitsOption())
    .option('--host <address>', 'where to listen', '127.0.0.1')
    .option('--port <n>', 'which port; 0 takes a free one', whole(0, 65_535), 8000)
    .option('--origin <address>', 'a page that may ask (CORS), or "*"; may be repeated', collect, [])
    .option('--key-env <name>', 'the environment variable that holds a key clients must send')
    .addOption(new Option('--engine <which>', 'what computes').choices(['auto', 'webgpu', 'reference']).default('auto'))
    .addOption(adapterOption())
    .addHelpText(
      'after',
      examples(
        'npm run serve -- --run runs/mine',
        'npm run serve -- --model small --port 8001 --origin http://localhost:5173',
      ),
    )
    .action((options: ServeCommandOptions) => serveCommand(options));

  main
    .command('study')
    .description('Run a study: several ways, several seeds, one report with what it cannot conclude.')
    .argument('<name>', [...studies.keys()].join(', '))
    .option('--seeds <n>', 'seeds of every arm', whole(1, 100))
    .option('--steps <n>', 'training steps of an arm', whole(1, 100_000))
    .option('--problems <n>', 'problems a step', whole(1, 1024))
    .option('--samples <n>', 'rollouts of each problem', whole(2, 256))
    .option('--held-out <n>', 'test problems of the final measurement', whole(1, 100_000))
    .option('--arms <list>', 'only these, separated by commas')
    .option('--out <dir>', 'where to save, and what to go on with (default: runs/study-NAME)')
    .option('--parallel <n>', 'runs at the same time, on the reference engine (default: 1)', whole(1, 1024))
    .addOption(new Option('--engine <which>', 'what computes').choices(['auto', 'webgpu', 'reference']))
    .option('--set <path=value>', 'model=… for another base model', collect, [])
    .addOption(adapterOption())
    .addHelpText(
      'after',
      examples(
        'npm run study -- single-versus-network',
        'npm run study -- baselines --seeds 3 --steps 75 --problems 8 --samples 8 --out runs/baselines',
      ),
    )
    .action((name: string, options: StudyCommandOptions) => studyCommand(name, options));

  main
    .command('presets')
    .description('List the presets, or print the specification of one.')
    .argument('[name]')
    .addHelpText('after', examples('npm run presets', 'npm run --silent presets -- arithmetic-2-1 > my-run.json'))
    .action((name: string | undefined) => presetsCommand(name));

  main
    .command('bench')
    .description('Time the engine, part by part, beside what the device can do.')
    .addOption(new Option('--engine <which>', 'what computes').choices(['auto', 'webgpu', 'reference']).default('auto'))
    .addOption(new Option('--adapter <which>', 'GPU to compute on').choices(ADAPTER_CHOICES))
    .option('--shapes <list>', `models: ${SHAPES.join(', ')} (default: all on a GPU, nano and small on a CPU)`, list)
    .option('--cases <list>', `what to time: ${KINDS.join(', ')} (default: all)`, list)
    .addOption(new Option('--grid <which>', 'sizes (default: full on a GPU, small on a CPU)').choices(GRIDS))
    .option('--rows <n>', 'rows a node, in place of the grid’s', whole(1, 65_536))
    .option('--prompt <n>', 'tokens of a prompt', whole(1, 4096))
    .option('--tokens <n>', 'tokens of a message', whole(1, 4096))
    .option('--runs <n>', 'timed runs of a case (default: 10 on a GPU, 5 on a CPU)', whole(1, 1000))
    .option(
      '--kernels <list>',
      'kernels to use: plain, or decode=lanes,few=1+2,forward=tiled,sequences=blocks,kv=f32 (default: as measured)',
      list,
    )
    .option('--out <file>', 'where to save the report, as JSON')
    .option('--compare <files...>', 'two reports: what is faster, what slower, what the same within the spread')
    .option('--counts', 'check dispatches, read-backs, bytes and memory against bench/counts.json')
    .option('--update', 'with --counts: write bench/counts.json anew')
    .option(
      '--targets',
      'all that the project has promised of its speed: measured here, reached or not, or why not measured',
    )
    .addHelpText(
      'after',
      examples(
        'npm run bench -- --out before.json',
        'npm run bench -- --shapes nano --cases decode,step --adapter software',
        'npm run bench -- --compare before.json after.json',
        'npm run bench -- --counts',
        'npm run bench -- --targets --out targets.json',
      ),
    )
    .action((options: BenchCommandOptions) => benchCommand(options));
  return main;
}

/** For nodes that an endpoint writes for. */
const keyOption = () =>
  new Option('--key <address=VARIABLE>', 'the environment variable with an endpoint’s key; may be repeated')
    .argParser(collect)
    .default([], 'none');
const collect = (value: string, all: string[]): string[] => [...all, value];
const list = (text: string): string[] => text.split(',').map((item) => item.trim());

function tokenIds(text: string): number[] {
  const ids = text.split(',').map((id) => (/^\s*\d{1,10}\s*$/.test(id) ? Number(id) : NaN));
  const bad = ids.findIndex(Number.isNaN);
  if (bad >= 0) throw new InvalidArgumentError(`Its item ${bad + 1} is not a token id.`);
  return ids;
}

function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}

/** 0: done. 1: it went wrong. 2: what was given cannot be used, said in one line. */
async function run(): Promise<number> {
  try {
    await program().parseAsync();
    // A check that failed has said so.
    return Number(process.exitCode ?? 0);
  } catch (error) {
    // Commander has said what is wrong.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (isInputError(error)) {
      // It may quote a file, and a terminal obeys what is in it.
      console.error(`error: ${visible(error.message.replace(/\s*\n\s*/g, ' '))}`);
      return 2;
    }
    console.error(error);
    return 1;
  }
}

if (isMainThread) await main();
else serveLane();

async function main(): Promise<void> {
  // `npm run eval | head` closes the pipe early.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  const code = await run();
  // Dawn keeps a process alive, so it has to be ended once all is written.
  process.stdout.write('', () => process.exit(code));
}
