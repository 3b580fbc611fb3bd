import type { Plan, PlannedNode } from '../graph/plan.ts';
import type { Random } from '../random.ts';

/** One problem as every node reads it, with what the verifier needs. */
export interface Problem {
  /** What the nodes read. */
  text: string;
  /** The expected answer. */
  answer: string;
}

export interface Reward {
  /** The scalar the network is trained on. */
  reward: number;
  /** What the network's final message was taken to answer, for display; null where no answer could be read. */
  wrote: string | null;
  /** Named parts, averaged over a step for the curves; `accuracy` is always among them. */
  metrics: { accuracy: number } & Record<string, number>;
}

/** What a level is called on the page. */
export interface LevelLabel {
  level: number;
  label: string;
  example: string;
}

/** A family of problems with a generator and a verifier. One file each, listed in `index.ts`. */
export interface Task {
  readonly name: string;
  readonly title: string;
  /** One sentence for the page: what is asked, and what to look for. */
  readonly description: string;
  /** In plain English: for models that follow instructions, not the built-in ones. */
  readonly english?: true;
  /** The built-in model that can do its parts, where nano cannot. */
  readonly base?: string;
  /** A few words beside the problem, where its right answer would surprise. */
  readonly note?: string;
  readonly levels: readonly LevelLabel[];
  /** Throws where it cannot be trained on as it is, and says why: a file of questions that is not here. */
  check?(): void;
  /** The problems to practise and to test with, where they are a fixed list: none is drawn from anywhere else then. */
  sides?(): { practice: readonly Problem[]; test: readonly Problem[] };
  /** Draws a problem of a level. The caller keeps held-out problems apart (`split.ts`). */
  sample(random: Random, level: number): Problem;
  /** What a node reads of a problem, where not every node reads all of it; pure. Without it, the problem's text. */
  view?(problem: Problem, node: PlannedNode, plan: Plan): string;
  /** What is left of a message on its way to other nodes; pure. Without it, all. */
  channel?(message: string): string;
  /** Judges the output node's message. An exception stops the run with its message. */
  reward(problem: Problem, message: string): Reward;
  /**
   * Reads a problem a user typed. Throws an Error that says what is wrong with it and what is allowed.
   */
  parse(text: string): Problem;
  /** Chance level of accuracy, for the curves: the best constant answer's share, roughly. */
  chance(level: number): number;
}
