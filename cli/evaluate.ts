import { withHelpers } from '../src/nodes/helped.ts';
import { taskOf } from '../src/tasks/of.ts';
import { trainedNodes } from '../src/training/network.ts';
import { Trainer } from '../src/training/train.ts';
import type { Transcript } from '../src/training/types.ts';
import type { EngineApi } from '../workers/engine-api.ts';
import type { AdapterChoice } from './adapter.ts';
import { adapterLine, openEngine } from './engine.ts';
import { openData } from './data.ts';
import { InputError } from './errors.ts';
import { cliWriters, readKeys } from './helpers.ts';
import { openRewarder } from './reward.ts';
import { RunFolder } from './run-folder.ts';
import { printable, table } from './text.ts';

export interface EvalCommandOptions {
  run: string;
  adapter: AdapterChoice;
  level?: number;
  problems?: number;
  seed?: number;
  key: string[];
  data?: string;
  trustReward?: boolean;
}

/** `eval`: greedy accuracy of a trained network on held-out problems, and what its nodes wrote. */
export async function evalCommand(options: EvalCommandOptions): Promise<void> {
  const folder = new RunFolder(options.run);
  const { spec, voices } = await folder.loadResult();
  const { level = spec.task.level, problems = spec.evaluation.problems, seed } = options;
  const levels = taskOf(spec).levels.map((l) => l.level);
  if (!levels.includes(level)) {
    throw new InputError(`--level ${level}: ${spec.task.name} has the levels ${levels.join(', ')}`);
  }
  await openData(spec, { run: options.run, file: options.data });
  const rewarder = await openRewarder(spec, options);
  const writers = cliWriters(readKeys(options.key));
  const opened = await openEngine(spec, options.adapter);
  const { info } = opened;
  const engine = withHelpers(opened.engine, writers);
  const trainer = await Trainer.create({ spec, engine, voices, rewarder });
  await loadAdapters(trainer.engine, folder, trainedNodes(trainer.plan));
  const evaluation = await trainer.evaluate({ level, problems, ...(seed !== undefined && { seed }) });

  console.log(transcriptTable(evaluation.transcripts));
  const asked = evaluation.problems < problems ? ` (the level has no more than ${evaluation.problems})` : '';
  console.log(
    `\nAccuracy ${evaluation.accuracy.toFixed(4)} on ${evaluation.problems} held-out problems${asked} of ` +
      `${spec.task.name} level ${evaluation.level}, greedy, on ${adapterLine(info.adapter)}.`,
  );
}

/** Puts a run's adapters into nodes of the same names. */
export async function loadAdapters(engine: EngineApi, folder: RunFolder, nodes: string[]): Promise<void> {
  for (const like of await engine.exportNodes(nodes))
    await engine.importNode(like.node, await folder.loadAdapter(like));
}

/** One row a problem: the problem, what each node wrote, the answer, and whether it is right. */
export function transcriptTable(transcripts: readonly Transcript[]): string {
  const nodes = transcripts[0]?.nodes.map(({ node }) => node) ?? [];
  const rows = transcripts.map((transcript) => [
    printable(transcript.problem),
    ...transcript.nodes.map(({ message }) => printable(message.text)),
    printable(transcript.answer),
    transcript.correct ? 'right' : 'wrong',
  ]);
  return table([['problem', ...nodes, 'answer', ''], ...rows]);
}
