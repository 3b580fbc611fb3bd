/** Growth: a network that is grown level by level against the same network from the start. */
import { presets } from '../presets.ts';
import type { RunSpecInput } from '../spec.ts';
import type { Arm, Size, Study } from './study.ts';

/**
 * docs/log.md, "Seventh session" and "Eighth session". It begins at level 4, since what nodes agree on at easier levels, where
 * several ways to divide the work are as good, has to be unlearned there; easier levels are practised beside it. Four
 * problems in five are explored by one node alone. What was answered wrongly is asked again, and explored boldly: a habit
 * that only some problems punish (which operand comes first) is never left otherwise once it is settled. A new node comes
 * with the level that needs it, heard in half of the rollouts at least: 1-2-1 becomes 4-2-1.
 */
const { task, graph, credit, curriculum, guard, growth: growing, training } = presets['arithmetic-seven'].spec;
const recipe = { task, credit, curriculum, guard };
const { cooldown, retry } = training;

/** With these arms a growth study takes hundreds of steps a run: ten for each step asked for. */
const STEPS = 10;

function grown(name: string, label: string, start: 'base' | 'copy' | 'silent', size: Size): Arm {
  return {
    name,
    label,
    spec: {
      ...recipe,
      graph,
      growth: start === growing.start ? growing : { start, schedule: growing.schedule },
      training: { steps: STEPS * size.steps, cooldown, retry },
    },
  };
}

export const growth: Study = {
  name: 'growth',
  title: 'Grown versus from scratch',
  question:
    'Can a network that fails from the start be grown? Seven nodes and the same curriculum (levels 4 to 7, four steps in ten on earlier levels down to 1, those most that were forgotten): 4-2-1 from the start, or grown node by node from 1-2-1, new nodes starting as the base, as copies, or heard in half of the rollouts at first. All runs go back from collapses.',
  size: { seeds: 5, steps: 100, problems: 48, samples: 16, heldOut: 500 },
  arms: (size) => [
    grown('grown-silent', 'grown, new nodes half heard', 'silent', size),
    grown('grown-base', 'grown, new nodes as the base', 'base', size),
    {
      name: 'scratch',
      label: '4-2-1 from the start',
      spec: {
        ...recipe,
        graph: { layers: [4, 2, 1], hears: 'all' },
        training: { steps: STEPS * size.steps, cooldown, retry },
      },
    },
    grown('grown-copy', 'grown, new nodes as copies', 'copy', size),
  ],
  comparisons: [
    ['grown-silent', 'scratch', 'growth against the same network from the start'],
    ['grown-silent', 'grown-base', 'what hearing them in half of the rollouts brings'],
    ['grown-copy', 'grown-base', 'what copying brings'],
  ],
};

/** What is done to a network, without when. */
export type Edit = Omit<NonNullable<NonNullable<RunSpecInput['growth']>['schedule']>[number], 'when' | 'at'>;

/** 2-1 learns level 3, is edited, and goes on to level 4. */
export const editedAtLevel3 = (edits: readonly Edit[], start: 'base' | 'copy' | 'silent' = 'silent'): RunSpecInput => ({
  task: { name: 'arithmetic', level: 3 },
  graph: { layers: [2, 1], hears: 'all' },
  curriculum: { to: 4, minSteps: 15 },
  growth: { start, schedule: edits.map((edit) => ({ ...edit, when: 'level', at: 3 })) },
});

const withNode = (size: Size, name: string, label: string, start: 'base' | 'copy' | 'silent', grow: Edit): Arm => ({
  name,
  label,
  spec: { ...editedAtLevel3([grow], start), training: { steps: 2 * size.steps } },
});

const inFront: Edit = { do: 'add-layer', layer: 1 };

/** One step of growth by itself, which fits a small machine. */
export const newNodes: Study = {
  name: 'new-nodes',
  title: 'How and where a new node should start',
  question:
    'A network 2-1 trained on level 3 gets a node and goes on to level 4; all hear all that come before them. What does it keep of level 3, and how fast does it learn level 4, when the new node stands in front and starts as the base, as a copy of a sibling, or silent? And when it stands beside the first two, or between the layers?',
  size: { seeds: 5, steps: 100, problems: 16, samples: 16, heldOut: 500 },
  arms: (size) => [
    withNode(size, 'start-silent', 'in front, silent', 'silent', inFront),
    withNode(size, 'start-base', 'in front, as the base', 'base', inFront),
    withNode(size, 'start-copy', 'in front, as a copy', 'copy', inFront),
    withNode(size, 'beside-silent', 'beside the first two, silent', 'silent', { do: 'add-node', layer: 1 }),
    withNode(size, 'between-silent', 'between the layers, silent', 'silent', { do: 'add-layer', layer: 2 }),
  ],
  comparisons: [
    ['start-silent', 'start-base', 'silent against the base'],
    ['start-copy', 'start-base', 'a copy against the base'],
    ['start-silent', 'beside-silent', 'in front against beside'],
    ['start-silent', 'between-silent', 'in front against between'],
  ],
};
