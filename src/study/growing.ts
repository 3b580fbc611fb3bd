/** Growth: a network that is grown level by level against the same network from the start. */
import type { RunSpecInput } from '../spec.ts';
import type { Arm, Size, Study } from './study.ts';

const LAST = 7;
/**
 * What one seed reached level 7 with (docs/log.md, "Sixth session"): at temperature 1 the noise of seven nodes hides what
 * each of them earns, and levels that are seldom practised are forgotten.
 */
const recipe = {
  curriculum: { to: LAST, pass: 0.85, revisit: 0.35 },
  guard: { patience: 100 },
  sampling: { temperature: 0.6 },
} satisfies RunSpecInput;

/** 1 → 2-1 when level 1 is passed, 1-2-1 when 3 is, then a node more in front for every level: 4-2-1 at level 7. */
const oneByOne: NonNullable<RunSpecInput['growth']>['schedule'] = [
  { when: 'level', at: 1, do: 'add-layer', layer: 1, width: 2 },
  { when: 'level', at: 3, do: 'add-layer', layer: 1 },
  ...[4, 5, 6].map((at) => ({ when: 'level', at, do: 'add-node', layer: 1 }) as const),
];

/** With these arms a growth study takes hundreds of steps a run: sixteen for each step asked for. */
const STEPS = 16;

function grown(name: string, label: string, start: 'base' | 'copy' | 'silent', size: Size): Arm {
  return {
    name,
    label,
    spec: {
      task: { name: 'arithmetic', level: 1 },
      graph: { layers: [1], hears: 'all' },
      ...recipe,
      growth: { start, schedule: oneByOne },
      training: { steps: STEPS * size.steps },
    },
  };
}

export const growth: Study = {
  name: 'growth',
  title: 'Grown versus from scratch',
  question:
    'Can a network that fails from the start be grown? Seven nodes and the same curriculum (levels 1 to 7, a third of the steps on earlier levels, those most that were forgotten): 4-2-1 from the start, or grown node by node, new nodes starting as the base, as copies, or silent. All runs go back from collapses.',
  size: { seeds: 5, steps: 100, problems: 32, samples: 16, heldOut: 500 },
  arms: (size) => [
    grown('grown-silent', 'grown, new nodes silent', 'silent', size),
    grown('grown-base', 'grown, new nodes as the base', 'base', size),
    {
      name: 'scratch',
      label: '4-2-1 from the start',
      spec: {
        task: { name: 'arithmetic', level: 1 },
        graph: { layers: [4, 2, 1], hears: 'all' },
        ...recipe,
        training: { steps: STEPS * size.steps },
      },
    },
    grown('grown-copy', 'grown, new nodes as copies', 'copy', size),
  ],
  comparisons: [
    ['grown-silent', 'scratch', 'growth against the same network from the start'],
    ['grown-silent', 'grown-base', 'what silence brings'],
    ['grown-copy', 'grown-base', 'what copying brings'],
  ],
};

/** One step of growth by itself, which fits a small machine: 2-1 trained on level 3 becomes 1-2-1 and goes on to level 4. */
export const newNodes: Study = {
  name: 'new-nodes',
  title: 'How a new node should start',
  question:
    'A network 2-1 trained on level 3 gets a node in front that all others hear, and goes on to level 4. What does it keep of level 3, and how fast does it learn level 4, when the new node starts as the base, as a copy of a sibling, or silent?',
  size: { seeds: 5, steps: 100, problems: 16, samples: 16, heldOut: 500 },
  arms: (size) =>
    (['silent', 'base', 'copy'] as const).map((start) => ({
      name: `start-${start}`,
      label: start === 'silent' ? 'silent' : `as ${start === 'base' ? 'the base' : 'a copy'}`,
      spec: {
        task: { name: 'arithmetic', level: 3 },
        graph: { layers: [2, 1], hears: 'all' },
        curriculum: { to: 4, minSteps: 15 },
        growth: { start, schedule: [{ when: 'level', at: 3, do: 'add-layer', layer: 1 }] },
        training: { steps: 2 * size.steps },
      },
    })),
  comparisons: [
    ['start-silent', 'start-base', 'silent against the base'],
    ['start-copy', 'start-base', 'a copy against the base'],
  ],
};
