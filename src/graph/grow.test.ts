import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyEdit, editOf, waysToGrow, type NetworkEdit } from './grow.ts';
import { planGraph } from './plan.ts';
import { edgesOf, type GraphSpec } from './topology.ts';

const twoOne: GraphSpec = { layers: [2, 1], hears: 'previous' };
const keyOf = (graph: GraphSpec, id: string): number => planGraph(graph).nodes.find((node) => node.id === id)!.key;

describe('an edit', () => {
  it('adds a node at the end of a layer', () => {
    const { graph, origin, added } = applyEdit(twoOne, { do: 'add-node', layer: 1 });
    expect(graph.layers).toEqual([3, 1]);
    expect(added).toEqual(['1.2']);
    expect(Object.fromEntries(origin)).toEqual({ '1.0': '1.0', '1.1': '1.1', '1.2': null, '2.0': '2.0' });
    expect(edgesOf(graph)).toContainEqual(['1.2', '2.0']);
  });

  it('adds a layer in front, between or behind, and every old node keeps its key at its new place', () => {
    for (const [layer, layers, moved] of [
      [1, [2, 2, 1], { '1.0': '2.0', '1.1': '2.1', '2.0': '3.0' }],
      [2, [2, 2, 1], { '1.0': '1.0', '1.1': '1.1', '2.0': '3.0' }],
      [3, [2, 1, 1], { '1.0': '1.0', '1.1': '1.1', '2.0': '2.0' }],
    ] as const) {
      const { graph, plan } = applyEdit(twoOne, { do: 'add-layer', layer, width: layer === 3 ? 1 : 2 });
      expect(graph.layers).toEqual(layers);
      for (const [from, to] of Object.entries(moved)) expect(keyOf(graph, to)).toBe(keyOf(twoOne, from));
      expect(new Set(plan.nodes.map(({ key }) => key)).size).toBe(plan.nodes.length);
    }
  });

  it('removes a node, and a layer with its last node', () => {
    expect(applyEdit(twoOne, { do: 'remove-node', node: '1.0' }).graph.layers).toEqual([1, 1]);
    const chain: GraphSpec = { layers: [1, 1, 1], hears: 'previous' };
    const { graph, origin } = applyEdit(chain, { do: 'remove-node', node: '2.0' });
    expect(graph.layers).toEqual([1, 1]);
    expect(origin.get('2.0')).toBe('3.0');
  });

  it('merges explicit edges with their nodes and connects nodes', () => {
    const edges: [string, string][] = [
      ['1.0', '2.0'],
      ['1.1', '2.0'],
    ];
    const merged = applyEdit({ ...twoOne, edges }, { do: 'merge-nodes', node: '1.0', into: '1.1' });
    expect(merged.graph.edges).toEqual([['1.0', '2.0']]);
    expect(keyOf(merged.graph, '1.0')).toBe(keyOf(twoOne, '1.1'));

    const chain: GraphSpec = { layers: [1, 1, 1], hears: 'previous' };
    const connected = applyEdit(chain, { do: 'connect', from: '1.0', to: '3.0' });
    expect(connected.plan.output.hears).toEqual(['1.0', '2.0']);
    // A node added later finds its place among explicit edges.
    const wider = applyEdit(connected.graph, { do: 'add-node', layer: 2 });
    expect(wider.plan.output.hears).toEqual(['1.0', '2.0', '2.1']);
    expect(wider.plan.nodes.find(({ id }) => id === '2.1')?.hears).toEqual(['1.0']);
  });

  it('takes an edge away, or lets another take its place', () => {
    const all: GraphSpec = { layers: [2, 1, 1], hears: 'all' };
    const less = applyEdit(all, { do: 'disconnect', from: '1.0', to: '3.0' });
    expect(less.plan.output.hears).toEqual(['1.1', '2.0']);
    expect(edgesOf(less.graph)).toHaveLength(edgesOf(all).length - 1);

    // Taken away first, node 2.1 would be an orphan.
    const edges: [string, string][] = [
      ['1.0', '2.0'],
      ['1.1', '2.0'],
      ['1.1', '2.1'],
      ['2.0', '3.0'],
      ['2.1', '3.0'],
    ];
    const graph: GraphSpec = { layers: [2, 2, 1], hears: 'previous', edges };
    expect(() => applyEdit(graph, { do: 'disconnect', from: '1.1', to: '2.1' })).toThrow('orphan');
    const { plan } = applyEdit(graph, { do: 'connect', from: '1.0', to: '2.1', instead: ['1.1', '2.1'] });
    expect(plan.nodes.find(({ id }) => id === '2.1')?.hears).toEqual(['1.0']);
  });

  it.each<[NetworkEdit, string]>([
    [{ do: 'add-node', layer: 2 }, "layer 2 is the output node's"],
    [{ do: 'add-node', layer: 7 }, 'there is no layer 7'],
    [{ do: 'add-layer', layer: 4, width: 1 }, 'the places are 1 to 3'],
    [{ do: 'add-layer', layer: 3, width: 2 }, 'it must have one'],
    [{ do: 'remove-node', node: '2.0' }, 'is the output node'],
    [{ do: 'remove-node', node: '5.0' }, 'there is no node 5.0'],
    [{ do: 'merge-nodes', node: '1.0', into: '2.0' }, 'take two nodes of one layer'],
    [{ do: 'connect', from: '1.0', to: '2.0' }, 'hears node 1.0 already'],
    [{ do: 'connect', from: '1.0', to: '1.1' }, 'stays within a layer'],
    [{ do: 'disconnect', from: '1.0', to: '2.0' }, 'nobody hears node 1.0'],
    [{ do: 'disconnect', from: '2.0', to: '1.0' }, 'node 1.0 does not hear node 2.0'],
  ])('is refused where it makes no sense: %j', (edit, message) => {
    expect(() => applyEdit(twoOne, edit)).toThrow(message);
  });

  it('keeps keys unique and old ones in place through any sequence of growth', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 8 }), fc.constantFrom('previous', 'all'), (choices, hears) => {
        let graph: GraphSpec = { layers: [1], hears: hears };
        for (const choice of choices) {
          const ways = waysToGrow(graph);
          const { graph: next, plan, origin } = applyEdit(graph, ways[choice % ways.length]!);
          for (const [id, from] of origin) if (from !== null) expect(keyOf(next, id)).toBe(keyOf(graph, from));
          expect(new Set(plan.nodes.map(({ key }) => key)).size).toBe(plan.nodes.length);
          graph = next;
        }
      }),
    );
  });
});

it('reads rules and names the field that is missing', () => {
  expect(editOf({ do: 'add-layer', layer: 1 })).toEqual({ do: 'add-layer', layer: 1, width: 1 });
  expect(editOf({ do: 'try' })).toBeNull();
  expect(() => editOf({ do: 'connect', from: '1.0' })).toThrow('connect needs the field to');
});
