import type { Problem } from '../tasks/task.ts';
import type { Trainer } from '../training/train.ts';
import type { Evaluation } from '../training/types.ts';

/** Problems of a batch. */
const BATCH = 64;

/** Accuracy of the majority of `votes` rollouts sampled at temperature 1; of equals, the answer given first. */
export async function vote(trainer: Trainer, problems: readonly Problem[], votes: number): Promise<Evaluation> {
  let correct = 0;
  const tokens = { prompt: 0, message: 0 };
  for (let first = 0; first < problems.length; first += BATCH) {
    const batch = problems.slice(first, first + BATCH);
    // Another row for every problem, so that batches do not repeat each other's random numbers.
    const { rewards, execution } = await trainer.roll(batch, {
      temperature: 1,
      samples: votes,
      firstRow: first * votes,
    });
    tokens.prompt += execution.tokens.prompt;
    tokens.message += execution.tokens.message;
    for (const [i, problem] of batch.entries()) {
      if (winner(rewards.slice(i * votes, (i + 1) * votes).map(({ wrote }) => wrote)) === problem.answer) correct++;
    }
  }
  const count = problems.length;
  return {
    accuracy: correct / count,
    problems: count,
    level: trainer.spec.task.level,
    transcripts: [],
    cost: {
      calls: votes * trainer.plan.nodes.length,
      prompt: tokens.prompt / count,
      message: tokens.message / count,
    },
  };
}

/** What a network answers, greedily, problem by problem; null where it wrote none. */
export async function greedyAnswers(trainer: Trainer, problems: readonly Problem[]): Promise<(string | null)[]> {
  const answers: (string | null)[] = [];
  for (let first = 0; first < problems.length; first += BATCH) {
    const { rewards } = await trainer.roll(problems.slice(first, first + BATCH));
    answers.push(...rewards.map(({ wrote }) => wrote));
  }
  return answers;
}

/** Accuracy of the majority of several networks' answers; of equals, the one of the first network. */
export function agreement(answers: readonly (readonly (string | null)[])[], problems: readonly Problem[]): number {
  const correct = problems.filter(({ answer }, i) => winner(answers.map((own) => own[i] ?? null)) === answer);
  return correct.length / problems.length;
}

/** The answer given most often; who gave none has no vote. */
export function winner(answers: readonly (string | null)[]): string | null {
  const counts = new Map<string, number>();
  for (const answer of answers) if (answer !== null) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  return [...counts].reduce<[string | null, number]>(
    (best, entry) => (entry[1] > best[1] ? entry : best),
    [null, 0],
  )[0];
}
