/**
 * Records a run while it trains. It listens to the events of `train` and asks the trainer, between steps, what the network
 * writes for a few fixed test problems. Nothing of the run changes by being recorded.
 */
import { Random } from '../random.ts';
import { testProblems } from '../tasks/split.ts';
import type { RunSpec } from '../spec.ts';
import type { TrainEvent, Trainer } from '../training/train.ts';
import { EVALUATION_SEED } from '../training/trainer.ts';
import type { Transcript } from '../training/types.ts';
import { columnsOf, evaluationRow, practiceOf, rounded, testOf } from './encode.ts';
import { FORMAT, VERSION, type FrameRow, type PracticeRow, type RecordingFile } from './format.ts';
import { Thinned } from './thinned.ts';

/** Fixed problems of a level. */
const PROBLEMS = 5;
/** Characters of JSON that practice and frames may take, whatever the run's length; packed, a third or less. */
const BUDGET = 400_000;
/** Points of the curves. */
const POINTS = 4_000;
const DECISIONS = 500;
/** Larger networks are not blanked node by node: it would take longer than many steps. */
const BLANKED_NODES = 16;

export interface RecorderOptions {
  /** Steps between looks at the fixed problems, besides those at every evaluation; 0 for none. */
  every?: number;
}

/** Who made a recording, and what of. */
export interface Maker {
  name: string;
  device: RecordingFile['device'];
  /** Milliseconds since 1970. */
  created: number;
}

const cost = (row: unknown): number => JSON.stringify(row).length;

export class Recorder {
  readonly #every: number;
  readonly #spec: RunSpec;
  readonly #graphs: RecordingFile['graphs'] = [];
  readonly #problems: RecordingFile['problems'] = [];
  readonly #practice = new Thinned<PracticeRow>(BUDGET, cost);
  readonly #frames = new Thinned<FrameRow>(BUDGET, cost);
  #graph = '';

  constructor(spec: RunSpec, { every = 0 }: RecorderOptions = {}) {
    this.#spec = structuredClone(spec);
    this.#every = every;
  }

  /** To be called for every event of `train`, and awaited before the next one is asked for. */
  async note(event: TrainEvent, trainer: Trainer): Promise<void> {
    switch (event.type) {
      case 'evaluation':
        await this.look(trainer);
        break;
      case 'step': {
        const row = practiceOf(trainer.plan, this.#graphOf(trainer), event.report);
        if (row) this.#practice.push(row);
        if (this.#every > 0 && event.step % this.#every === 0) await this.look(trainer);
        break;
      }
      case 'decision':
        if (event.action !== 'trial' && event.action !== 'refused') await this.look(trainer);
        break;
      case 'checkpoint':
      case 'checkpoint-failed':
      case 'finished':
    }
  }

  /** Takes down what the network writes now for the fixed problems. */
  async look(trainer: Trainer): Promise<void> {
    const transcripts: Transcript[] = [];
    for (const problem of fixedProblems(trainer)) transcripts.push(await trainer.tryProblem(problem));
    this.seen(trainer, trainer.stepsDone, transcripts);
  }

  /** Adds what the network wrote at a step, in the order of the steps. The later look at a step counts. */
  seen(trainer: Trainer, step: number, transcripts: readonly Transcript[]): void {
    const frame: FrameRow = {
      step,
      graph: this.#graphOf(trainer),
      tests: transcripts.map((transcript) => testOf(trainer.plan, this.#problemOf(transcript), transcript)),
    };
    if (this.#frames.last?.step === step) this.#frames.replaceLast(frame);
    else this.#frames.push(frame);
  }

  /** The recording so far, as a file holds it; without what blanking a node does, which `finish` measures. */
  recording(trainer: Trainer, { name, device, created }: Maker): RecordingFile {
    const { curve } = trainer;
    const points = new Thinned<(typeof curve)[number]>(POINTS, () => 1);
    for (const point of curve) points.push(point);
    return {
      format: FORMAT,
      version: VERSION,
      name: name.slice(0, 200),
      created,
      seconds: rounded(curve.reduce((sum, { seconds }) => sum + seconds, 0)),
      device: { engine: device.engine, name: device.name.slice(0, 300) },
      spec: this.#spec,
      graphs: this.#graphs,
      problems: this.#problems,
      curve: columnsOf(points.items),
      evaluations: trainer.evaluations.map(evaluationRow),
      decisions: trainer.decisions.slice(-DECISIONS).map(({ step, action, reason, level, layers }) => {
        return { step, action, reason: reason.slice(0, 1_000), level, layers: [...layers] };
      }),
      practice: this.#practice.items,
      frames: this.#frames.items,
      blanks: [],
    };
  }

  /** The whole recording: also looks once more, and finds out what each node is worth. */
  async finish(trainer: Trainer, maker: Maker): Promise<RecordingFile> {
    if (this.#frames.last?.step !== trainer.stepsDone) await this.look(trainer);
    return { ...this.recording(trainer, maker), blanks: await this.#blankEach(trainer) };
  }

  async #blankEach(trainer: Trainer): Promise<RecordingFile['blanks']> {
    const { plan } = trainer;
    const measured = trainer.evaluations.at(-1);
    if (plan.nodes.length > BLANKED_NODES || measured?.step !== trainer.stepsDone) return [];
    const blanks: RecordingFile['blanks'] = [];
    for (const [node, { id }] of plan.nodes.entries()) {
      // The last node's message is the answer: without it there is none.
      if (id === plan.output.id) continue;
      const blank = [id];
      const { accuracy, problems } = await trainer.evaluate({ blank, problems: measured.problems });
      const tests = [];
      for (const problem of fixedProblems(trainer)) {
        const transcript = await trainer.tryProblem(problem, { blank });
        tests.push(testOf(plan, this.#problemOf(transcript), transcript));
      }
      blanks.push({ node, problems, whole: rounded(measured.accuracy), blanked: rounded(accuracy), tests });
    }
    return blanks;
  }

  /** Place of the network's present form in the list of forms. */
  #graphOf({ spec }: Trainer): number {
    const form = { level: spec.task.level, graph: structuredClone(spec.graph) };
    const key = JSON.stringify(form);
    if (key !== this.#graph && this.#graphs.length < 500) {
      this.#graph = key;
      this.#graphs.push(form);
    }
    return this.#graphs.length - 1;
  }

  #problemOf({ problem, answer }: Transcript): number {
    const place = this.#problems.findIndex(([text, right]) => text === problem && right === answer);
    return place >= 0 ? place : this.#problems.push([problem, answer]) - 1;
  }
}

function fixedProblems({ spec, task }: Trainer) {
  const { level } = spec.task;
  return testProblems(task, level, PROBLEMS, new Random(EVALUATION_SEED, level));
}
