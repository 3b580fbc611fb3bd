/** What happens inside: who does what, and who deserves the credit. */
import type { RunSpecInput } from '../spec.ts';
import { blankEffects, messageForms, subResults, swapEffects } from './diagnostics.ts';
import type { Arm, Study } from './study.ts';

const network: RunSpecInput = { task: { name: 'arithmetic', level: 3 }, graph: { layers: [2, 1] } };

export const specialisation: Study = {
  name: 'specialisation',
  title: 'Do nodes specialise?',
  question:
    'Nodes have no roles. After training: does accuracy fall when a node is not heard, or when two nodes exchange their adapters? Which part of the problem does each node state, and how do its messages settle into one form?',
  size: { seeds: 5, steps: 100, problems: 32, samples: 16, heldOut: 500 },
  arms: ({ heldOut }) =>
    ([0, 1] as const).map((trained): Arm => {
      const look = Math.min(200, heldOut);
      return {
        name: trained ? 'trained' : 'untrained',
        label: trained ? 'network 2-1' : 'network 2-1, untrained',
        spec: trained ? network : { ...network, training: { steps: 0 } },
        ...(trained && {
          watch: async (trainer) => ({ ...(await messageForms(trainer)), ...(await subResults(trainer, 100)) }),
        }),
        inspect: async (trainer) => ({
          ...(await blankEffects(trainer, look)),
          ...(await swapEffects(trainer, look)),
          ...(await subResults(trainer, look)),
        }),
      };
    }),
  comparisons: [['trained', 'untrained', 'what training brings']],
};

export const credit: Study = {
  name: 'credit',
  title: 'Who deserves the credit?',
  question:
    'The paper gives every node the same reward against a moving average. Does a better baseline, or credit found node by node by replaying what comes after it, teach faster, and is it worth the messages it takes? All arms but one train on as many messages of each node a step; what is written only to compare is in the column of calls, and one arm pays for it with problems.',
  size: { seeds: 5, steps: 60, problems: 32, samples: 16, heldOut: 500 },
  arms: ({ problems }) => [
    {
      name: 'moving-average',
      label: 'same for all, moving average (the paper)',
      spec: { ...network, training: { baseline: 'moving-average' } },
    },
    { name: 'leave-one-out', label: 'same for all, leave-one-out', spec: network },
    {
      name: 'counterfactual',
      label: 'counterfactual (C3), 4 messages a situation',
      spec: { ...network, credit: { method: 'counterfactual', replays: 4 } },
    },
    {
      name: 'counterfactual-equal',
      label: 'counterfactual (C3), as many messages in all',
      // Replays cost half as many messages again in a network 2-1; fewer problems make up for them.
      spec: {
        ...network,
        credit: { method: 'counterfactual', replays: 4 },
        training: { problems: Math.max(1, Math.round((problems * 2) / 3)) },
      },
    },
    {
      name: 'blank',
      label: 'against the node’s silence',
      spec: { ...network, credit: { method: 'blank', replays: 2 } },
    },
    {
      name: 'solo',
      label: 'one node explores at a time',
      spec: { ...network, credit: { method: 'solo' } },
    },
    {
      name: 'solo-half',
      label: 'one node at a time in half of the problems',
      spec: { ...network, credit: { method: 'solo', share: 0.5 } },
    },
    {
      name: 'solo-bold',
      label: 'one node at a time, wrong problems again and boldly',
      spec: { ...network, credit: { method: 'solo', bold: {} }, training: { retry: 0.5 } },
    },
  ],
  comparisons: [
    ['leave-one-out', 'moving-average', 'leave-one-out against the moving average'],
    ['counterfactual', 'leave-one-out', 'counterfactual credit against the same for all'],
    ['counterfactual-equal', 'leave-one-out', 'the same at equal cost'],
    ['blank', 'leave-one-out', 'credit against silence against the same for all'],
    ['solo', 'leave-one-out', 'one node exploring at a time against all at once'],
    ['solo-half', 'leave-one-out', 'both by halves against all at once'],
    ['solo-bold', 'solo', 'asking again and being bold against neither'],
  ],
};
