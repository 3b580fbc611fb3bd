/**
 * Where a network can be changed in its picture: pure arithmetic on a layout. The buttons that add something stand on a
 * strip beside the cards (above a picture that runs to the right, beside one that runs down), which `STRIP` makes room for.
 */
import type { NetworkEdit } from '../../graph/grow.ts';
import type { Edge } from '../../graph/topology.ts';
import type { Box, Layout, Point } from '../network/layout.ts';

/** CSS pixels to leave free. */
export const STRIP = { right: 36, down: 66 } as const;

/** A button of the strip, by its middle. */
export interface Spot {
  edit: NetworkEdit;
  label: string;
  /** For those who do not see where it stands. */
  said: string;
  at: Point;
}

/** "+ Node" for every layer but the last, "+ Layer" in front, between and behind. */
export function spotsOf(layout: Layout, layers: readonly (readonly string[])[]): Spot[] {
  const across = layout.direction === 'right';
  /** Along the picture's direction, from the first edge of a layer to its last. */
  const spans = layers.map((layer): [from: number, to: number] => {
    const { x, y, width, height } = layout.cards.get(layer[0] ?? '') ?? { x: 0, y: 0, width: 0, height: 0 };
    return across ? [x, x + width] : [y, y + height];
  });
  const answer = across ? layout.output.at.x : layout.output.at.y;
  const place = (along: number): Point => (across ? [along, -STRIP.right / 2] : [layout.width + STRIP.down / 2, along]);
  const between = (a: number, b: number): number => (a + b) / 2;

  const nodes = spans.slice(0, -1).map(([from, to], l): Spot => ({
    edit: { do: 'add-node', layer: l + 1 },
    label: 'Node',
    said: `Add a node to layer ${l + 1}`,
    at: place(between(from, to)),
  }));
  const breaks = [...spans.map(([from]) => from), answer].map((to, l) => {
    const from = spans[l - 1]?.[1];
    return from === undefined ? Math.max(across ? 32 : 13, to - 34) : between(from, to);
  });
  const wheres = (l: number): string =>
    l === 0
      ? 'in front of layer 1'
      : l === layers.length
        ? 'behind the last one: a new output node'
        : `between layers ${l} and ${l + 1}`;
  const gaps = breaks.map((along, l): Spot => ({
    edit: { do: 'add-layer', layer: l + 1, width: 1 },
    label: 'Layer',
    said: `Add a layer of one node ${wheres(l)}`,
    at: place(along),
  }));
  return [...nodes, ...gaps];
}

/** What is being dragged: a new edge from a node, or the end of one that is there. */
export interface Drag {
  from: string;
  instead: Edge | null;
}

/** Nodes that a dragged edge may end at: of a later layer, and not connected yet. */
export function targetsOf({ from }: Drag, layers: readonly (readonly string[])[], edges: readonly Edge[]): string[] {
  const layer = layers.findIndex((nodes) => nodes.includes(from));
  const heard = edges.filter(([sender]) => sender === from).map(([, to]) => to);
  return layers.slice(layer + 1).flatMap((nodes) => nodes.filter((id) => !heard.includes(id)));
}

/** The card at a point, give or take a finger. */
export function cardAt(cards: ReadonlyMap<string, Box>, [x, y]: Point): string | null {
  const near = 10;
  for (const [id, box] of cards) {
    if (x >= box.x - near && x <= box.x + box.width + near && y >= box.y - near && y <= box.y + box.height + near)
      return id;
  }
  return null;
}

/** What letting go means: an edge more, an edge moved, an edge cut (in the open), or nothing. */
export function dropOf(drag: Drag, over: string | null, targets: readonly string[]): NetworkEdit | null {
  if (over !== null && targets.includes(over)) {
    return { do: 'connect', from: drag.from, to: over, ...(drag.instead && { instead: drag.instead }) };
  }
  return over === null && drag.instead ? { do: 'disconnect', from: drag.instead[0], to: drag.instead[1] } : null;
}
