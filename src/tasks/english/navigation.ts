import type { Problem, Task } from '../task.ts';
import { noSuchProblem, oneOf, tidy } from './answer.ts';

const TURNS: Readonly<Record<string, number>> = { left: 3, right: 1, around: 2 };
/** East and north of a step, by quarter turns to the right from north. */
const STEPS = [
  [0, 1],
  [1, 0],
  [0, -1],
  [-1, 0],
] as const;
const MOST_STEPS = 9;
const MOST_MOVES = 12;
/** Walks drawn until one ends as wanted; some of every few do. */
const TRIES = 2_000;

interface Walk {
  /** The first has no turn before it. */
  moves: { turn: string; steps: number }[];
}

/** Steps and turns; asked is whether they lead back. Half of all walks do. */
export const navigation: Task = {
  name: 'navigation',
  title: 'Finding the way back',
  description: 'Follow the steps and turns and say whether they lead back to the start: yes or no.',
  english: true,
  levels: [
    {
      level: 1,
      label: 'two stretches',
      example: 'Take 3 steps. Turn around. Take 3 steps. Are you back at the start?',
    },
    {
      level: 2,
      label: 'three stretches',
      example: 'Take 3 steps. Turn around. Take 1 step. Turn left. Take 2 steps. Are you back at the start?',
    },
    {
      level: 3,
      label: 'four stretches',
      example: walkText({ moves: ['', 'left', 'left', 'left'].map((turn) => ({ turn, steps: 2 })) }),
    },
    {
      level: 4,
      label: 'five stretches',
      example: walkText({ moves: ['', 'left', 'left', 'left', 'around'].map((turn) => ({ turn, steps: 4 })) }),
    },
    {
      level: 5,
      label: 'six stretches',
      example: walkText({
        moves: ['', 'right', 'right', 'around', 'left', 'left'].map((turn) => ({ turn, steps: 5 })),
      }),
    },
  ],
  sample(random, level) {
    const back = random.below(2) === 1;
    // Short stretches meet again more often.
    const most = level === 1 ? MOST_STEPS : 4;
    for (let tries = 0; ; tries++) {
      const moves = Array.from({ length: level + 1 }, (_, i) => ({
        turn: i === 0 ? '' : random.pick(Object.keys(TURNS)),
        steps: 1 + random.below(most),
      }));
      if (endsAtStart({ moves }) === back || tries >= TRIES) return problemOf({ moves });
    }
  },
  reward: oneOf(['yes', 'no']),
  parse(text) {
    const moves = [...tidy(text).matchAll(/(?:Turn (left|right|around)\. )?Take (\d) steps?\. /g)].map(
      ([, turn = '', steps = '']) => ({ turn, steps: Number(steps) }),
    );
    const problem = problemOf({ moves });
    if (moves.length < 1 || moves.length > MOST_MOVES || problem.text !== tidy(text)) {
      throw noSuchProblem(text, this.levels[0]?.example ?? '');
    }
    return problem;
  },
  chance: () => 0.5,
};

const problemOf = (walk: Walk): Problem => ({ text: walkText(walk), answer: endsAtStart(walk) ? 'yes' : 'no' });

function walkText({ moves }: Walk): string {
  const told = moves.map(
    ({ turn, steps }) => `${turn ? `Turn ${turn}. ` : ''}Take ${steps} step${steps === 1 ? '' : 's'}. `,
  );
  return `${told.join('')}Are you back at the start?`;
}

function endsAtStart({ moves }: Walk): boolean {
  let [east, north, facing] = [0, 0, 0];
  for (const { turn, steps } of moves) {
    facing = (facing + (TURNS[turn] ?? 0)) % 4;
    const [e, n] = STEPS[facing] ?? [0, 0];
    east += e * steps;
    north += n * steps;
  }
  return east === 0 && north === 0;
}
