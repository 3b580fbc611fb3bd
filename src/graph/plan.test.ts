import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GraphError, planGraph } from './plan.ts';
import { compactPrompt, oneLine } from './prompt.ts';
import type { GraphSpec } from './topology.ts';

const hearing = (graph: GraphSpec): Record<string, string[]> =>
  Object.fromEntries(planGraph(graph).nodes.map((node) => [node.id, node.hears]));

describe('planGraph', () => {
  it('lets a node hear the previous layer, or all earlier ones', () => {
    expect(hearing({ layers: [2, 1, 1], hears: 'previous' })).toEqual({
      '1.0': [],
      '1.1': [],
      '2.0': ['1.0', '1.1'],
      '3.0': ['2.0'],
    });
    expect(hearing({ layers: [2, 1, 1], hears: 'all' })['3.0']).toEqual(['1.0', '1.1', '2.0']);
    expect(hearing({ layers: [1], hears: 'previous' })).toEqual({ '1.0': [] });
  });

  it('takes explicit edges, and orders sources by layer and index whatever the order of the edges', () => {
    const graph: GraphSpec = {
      layers: [11, 1, 1],
      hears: 'previous',
      edges: [
        ['2.0', '3.0'],
        ['1.10', '3.0'],
        ['1.2', '3.0'],
        ...[0, 1, 3, 4, 5, 6, 7, 8, 9].map((i) => [`1.${i}`, '2.0'] as const),
      ],
    };
    expect(hearing(graph)['3.0']).toEqual(['1.2', '1.10', '2.0']);
  });

  it('names a node by the same key in every plan', () => {
    const keyIn = (layers: number[]): number | undefined =>
      planGraph({ layers, hears: 'previous' }).nodes.find((node) => node.id === '2.0')?.key;
    expect(keyIn([2, 1])).toBe(keyIn([4, 2, 1]));
  });

  it.each<[string, GraphSpec, string]>([
    [
      'two outputs',
      { layers: [1, 2], hears: 'all' },
      'the last layer has 2 nodes (2.0, 2.1); it must be the one output',
    ],
    ['no output', { layers: [], hears: 'all' }, 'the network has no output node'],
    ['an empty last layer', { layers: [2, 0], hears: 'all' }, 'the network has no output node'],
    ['an empty layer', { layers: [0, 1], hears: 'all' }, 'layer 1 has no nodes'],
    [
      'an orphan',
      edges(['1.0', '2.0'], ['1.1', '2.0'], ['2.0', '3.0']),
      'node 2.1 is an orphan: it hears no other node',
    ],
    ['an unheard node', edges(['1.0', '2.0'], ['1.0', '2.1'], ['2.0', '3.0'], ['2.1', '3.0']), 'nobody hears node 1.1'],
    ['a cycle', edges(['2.0', '3.0'], ['3.0', '2.0']), 'in a cycle: 2.0 → 3.0 → 2.0; messages go forward only'],
    ['a node hearing itself', edges(['1.0', '1.0']), 'in a cycle: 1.0 → 1.0'],
    ['an edge backward', edges(['2.0', '1.0']), 'edge 2.0 → 1.0 goes backward'],
    ['an edge within a layer', edges(['1.0', '1.1']), 'edge 1.0 → 1.1 stays within a layer'],
    ['an unknown node', edges(['1.0', '9.0']), 'edge 1.0 → 9.0: there is no node 9.0; the layers have 2-2-1 nodes'],
    ['an edge given twice', edges(['1.0', '2.0'], ['1.0', '2.0']), 'edge 1.0 → 2.0 is given twice'],
  ])('rejects %s by name', (_, graph, message) => {
    expect(() => planGraph(graph)).toThrow(GraphError);
    expect(() => planGraph(graph)).toThrow(message);
  });

  it('plans any graph or rejects it; what it plans can be run in order', () => {
    const id = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 3 })).map(([l, i]) => `${l}.${i}`);
    const graph = fc.record({
      layers: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }),
      hears: fc.constantFrom('previous' as const, 'all' as const),
      edges: fc.option(fc.array(fc.tuple(id, id), { maxLength: 10 }), { nil: undefined }),
    });
    let planned = 0;
    fc.assert(
      fc.property(graph, (spec) => {
        let plan;
        try {
          plan = planGraph(spec);
        } catch (error) {
          expect(error).toBeInstanceOf(GraphError);
          expect((error as Error).message).not.toMatch(/\n/);
          return;
        }
        planned++;
        const spoken = new Set<string>();
        for (const layer of plan.layers) {
          for (const node of layer) expect(node.hears.every((source) => spoken.has(source))).toBe(true);
          for (const node of layer) spoken.add(node.id);
        }
        expect(new Set(plan.nodes.map((node) => node.key)).size).toBe(plan.nodes.length);
        expect(plan.output).toBe(plan.nodes.at(-1));
        expect(plan.nodes.reduce((sum, node) => sum + node.hears.length, 0)).toBe(plan.edges.length);
      }),
      { numRuns: 1000 },
    );
    expect(planned).toBeGreaterThan(50);
  });
});

function edges(...pairs: [string, string][]): GraphSpec {
  return { layers: [2, 2, 1], hears: 'previous', edges: pairs };
}

describe('compactPrompt', () => {
  it('is the form the base model was trained on', () => {
    const plan = planGraph({ layers: [2, 1], hears: 'previous' });
    const prompt = compactPrompt(plan, plan.output, '(3+4)*(2+5)', ['3+4=7', '2+5=7']);
    expect(prompt).toBe('@2.0/2 (3+4)*(2+5)\n<3+4=7\n<2+5=7\n>');
    expect(compactPrompt(plan, plan.nodes[1] ?? plan.output, 's52', [])).toBe('@1.1/2 s52\n>');
    expect(compactPrompt(plan, plan.output, 's52', ['', '25'])).toBe('@2.0/2 s52\n<\n<25\n>');
  });

  it('stays within the numbers the model has seen', () => {
    const plan = planGraph({ layers: [...new Array<number>(8).fill(9), 1], hears: 'previous' });
    const last = plan.layers[7]?.[8];
    expect(compactPrompt(plan, last ?? plan.output, '1', [])).toBe('@7.7/7 1\n>');
  });

  it('never lets a message become a line of its own', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (problem, message) => {
        const plan = planGraph({ layers: [1, 1], hears: 'previous' });
        const lines = compactPrompt(plan, plan.output, problem, [message]).split(/[\n\r\u2028\u2029]/);
        expect(lines).toHaveLength(3);
        expect(lines[1]?.startsWith('<')).toBe(true);
      }),
    );
    expect(oneLine('3+4=7\n>9\u0000\u0001')).toBe('3+4=7 >9  ');
  });
});
