import { expect, it } from 'vitest';
import { applyEdit } from '../graph/grow.ts';
import { planGraph } from '../graph/plan.ts';
import type { GraphSpec } from '../graph/topology.ts';
import type { Transcript } from '../training/types.ts';
import { renamed } from './rename.ts';

it('finds a node under its new name, and leaves out one that has gone', () => {
  const graph: GraphSpec = { layers: [2, 1], hears: 'previous' };
  const said = (node: string, text: string, heard: { from: string; text: string }[] = []) => ({
    node,
    heard,
    message: { text, tokens: [1], tokenTexts: [text], ended: true },
  });
  const transcript = {
    problem: '1+2',
    answer: '3',
    wrote: '3',
    reward: 1,
    correct: true,
    nodes: [said('1.0', 'a'), said('1.1', 'b'), said('2.0', 'c', [{ from: '1.1', text: 'b' }])],
  } as unknown as Transcript;
  const deeper = applyEdit(graph, { do: 'add-layer', layer: 1, width: 1 });
  const smaller = applyEdit(deeper.graph, { do: 'remove-node', node: '2.0' });
  const now = renamed(transcript, planGraph(graph), smaller.plan);
  expect(now.nodes.map(({ node, message }) => [node, message.text])).toEqual([
    ['2.0', 'b'],
    ['3.0', 'c'],
  ]);
  expect(now.nodes[1]?.heard).toEqual([{ from: '2.0', text: 'b' }]);
});
