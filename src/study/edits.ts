/** What an edit does to a trained network, before any further training. */
import type { NetworkEdit } from '../graph/grow.ts';
import type { NodeStart } from '../training/network.ts';
import type { Trainer } from '../training/train.ts';
import type { Findings, Study } from './study.ts';

const GROWING: readonly (readonly [string, NetworkEdit])[] = [
  ['a node in front', { do: 'add-layer', layer: 1, width: 1 }],
  ['two nodes in front', { do: 'add-layer', layer: 1, width: 2 }],
  ['a node beside', { do: 'add-node', layer: 1 }],
  ['a node between', { do: 'add-layer', layer: 2, width: 1 }],
];
const STARTS: readonly NodeStart[] = ['base', 'copy', 'silent'];
const SHRINKING: readonly (readonly [string, NetworkEdit])[] = [
  ['1.0 removed', { do: 'remove-node', node: '1.0' }],
  ['1.0 merged into 1.1', { do: 'merge-nodes', node: '1.0', into: '1.1' }],
];

/** Accuracy at the trained level after each edit, each undone before the next. */
async function afterEdits(trainer: Trainer, problems: number): Promise<Findings> {
  const findings: Findings = {};
  const before = await trainer.snapshot();
  const measure = async (name: string, edit: NetworkEdit, start: NodeStart): Promise<void> => {
    try {
      await trainer.edit(edit, start);
      findings[name] = (await trainer.evaluate({ problems })).accuracy;
    } finally {
      await trainer.restore(before);
    }
  };
  findings['as it was'] = (await trainer.evaluate({ problems })).accuracy;
  for (const [what, edit] of GROWING) for (const start of STARTS) await measure(`${what}, ${start}`, edit, start);
  for (const [what, edit] of SHRINKING) await measure(what, edit, 'base');
  return findings;
}

export const edits: Study = {
  name: 'edits',
  title: 'What an edit does at once',
  question:
    'A network 2-1 is trained on level 3 and then edited in one way after another, each undone before the next and none followed by training. How much of the skill survives when new nodes start as the base, as a copy, or silent, and when a node is removed or merged?',
  size: { seeds: 5, steps: 100, problems: 32, samples: 16, heldOut: 500 },
  arms: ({ heldOut }) => [
    {
      name: 'network',
      label: 'network 2-1',
      spec: {
        task: { name: 'arithmetic', level: 3 },
        graph: { layers: [2, 1], hears: 'all' },
        growth: { schedule: [] },
      },
      inspect: (trainer) => afterEdits(trainer, Math.min(200, heldOut)),
    },
  ],
  comparisons: [],
};
