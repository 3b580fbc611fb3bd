/** The problem on view: which one is run, what the network wrote for it now, before and over training. */
import type { Plan } from '../graph/plan.ts';
import { Random } from '../random.ts';
import { taskOf } from '../tasks/of.ts';
import { testProblems } from '../tasks/split.ts';
import type { Problem } from '../tasks/task.ts';
import type { Trainer } from '../training/train.ts';
import { EVALUATION_SEED } from '../training/trainer.ts';
import type { Board } from './board.ts';
import type { LiveNetwork } from './live.ts';
import { renamed } from './rename.ts';
import type { Shown } from './state.ts';

/** Test problems that are shown in turn. */
const IN_TURN = 40;

export class Exhibit {
  readonly #board: Board;
  readonly #live: LiveNetwork;
  #asked = 0;

  constructor(board: Board, live: LiveNetwork) {
    this.#board = board;
    this.#live = live;
  }

  /** The next test problem of the level. */
  nextTest(): Problem {
    const { spec } = this.#board.state;
    const { name, level } = spec.task;
    const problems = testProblems(taskOf(spec), level, IN_TURN, new Random(EVALUATION_SEED, level));
    const problem = problems[this.#asked++ % problems.length];
    if (!problem) throw new Error(`level ${level} of ${name} has no test problem`);
    return problem;
  }

  show(shown: Shown): void {
    const past = this.#board.state.history.find(
      ({ step, transcript }) => step === 0 && transcript.problem === shown.transcript.problem,
    );
    this.#board.set({ shown, before: past?.transcript ?? null });
  }

  /** Runs the problem on view once more, or a test problem where there is none. */
  async showAgain(trainer: Trainer): Promise<void> {
    const { shown, blanked } = this.#board.state;
    const problem = shown?.transcript.problem ?? this.nextTest();
    const transcript = await trainer.tryProblem(problem, { blank: blanked, signal: this.#live.signal });
    this.show({ transcript, source: shown?.source ?? 'test' });
  }

  /** Keeps what the network writes now for the fixed problem. */
  async remember(trainer: Trainer): Promise<void> {
    const { level } = trainer.spec.task;
    const [problem] = testProblems(trainer.task, level, 1, new Random(EVALUATION_SEED, level));
    if (!problem) return;
    const transcript = await trainer.tryProblem(problem, { signal: this.#live.signal });
    const step = trainer.stepsDone;
    const before = this.#board.state.history.filter(
      (entry) => entry.step !== step && entry.transcript.problem === problem.text,
    );
    this.#board.set({ history: [...before, { step, transcript }] });
    if (step === 0) this.show({ transcript, source: 'test' });
  }

  /** The network has another shape: what was remembered goes under the names its nodes have now. */
  rename(then: Plan, now: Plan): void {
    const { history } = this.#board.state;
    this.#board.set({
      history: history.map(({ step, transcript }) => ({ step, transcript: renamed(transcript, then, now) })),
    });
  }

  /** Finds out what the untrained network wrote for a problem, unless that is known. */
  async compareWithUntrained(problem: string): Promise<void> {
    const trainer = this.#live.trainer;
    if (!trainer || trainer.stepsDone === 0 || this.#board.state.before?.problem === problem) return;
    const before = await this.#live.untrained(problem);
    if (this.#board.state.shown?.transcript.problem === problem) this.#board.set({ before });
  }
}
