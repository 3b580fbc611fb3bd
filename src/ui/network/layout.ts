/**
 * Where the cards and edges of a network go: pure arithmetic on layers, edges and the size of the picture, in CSS
 * pixels. Wide pictures run from left to right, narrow ones from top to bottom.
 */
import type { Edge } from '../../graph/topology.ts';

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export type Point = readonly [x: number, y: number];

export interface EdgeShape {
  from: string;
  to: string;
  /** SVG path data, from the sender's rim to the receiver's. */
  path: string;
  start: Point;
  end: Point;
}

export interface Layout {
  direction: 'right' | 'down';
  /** May exceed the size asked for; the picture then scrolls. */
  width: number;
  height: number;
  cards: Map<string, Box>;
  edges: EdgeShape[];
  /** Short lines by which the problem enters the first layer, what joins them, and the middle of the word beside it. */
  inputs: { to: string; path: string }[];
  source: { path: string; at: Point };
  /** From the output node to the answer, and where the answer stands. */
  output: { path: string; at: Box };
  /** Cards of one line, for crowded networks. */
  compact: boolean;
}

export interface LayoutOptions {
  width: number;
  height: number;
  /** Longest message to expect, in characters. */
  characters: number;
}

/** Advance of one character of the message face, in pixels at 18 px. */
const CHARACTER = 10.9;
const PADDING = 24;
const CARD = { min: 108, narrow: 72, roomy: 190, max: 250, height: 82, compactHeight: 36 };
const GAP = { cards: 14, crowded: 6, compact: 8, layersMin: 52, layersMax: 150 };
const ANSWER = { width: 60, height: 40 };
/** Room in front of the first layer: for the word "problem" and the way in. */
const STUB = 40;
/** How far the word is from the edge, and the line beside it. */
const SOURCE = { word: 8, line: 19 };

/** Which way the picture of a size runs. */
export const directionOf = ({ width, height }: { width: number; height: number }): Layout['direction'] =>
  width < 520 && width < height * 1.4 ? 'down' : 'right';

/**
 * Lays out `layers` (names by layer, input first; the last layer is the output node) and `edges`.
 * Errors: a RangeError when an edge names a node that is in no layer.
 */
export function layoutNetwork(
  layers: readonly (readonly string[])[],
  edges: readonly Edge[],
  options: LayoutOptions,
): Layout {
  return directionOf(options) === 'right' ? across(layers, edges, options) : down(layers, edges, options);
}

function across(
  layers: readonly (readonly string[])[],
  edges: readonly Edge[],
  { width, height, characters }: LayoutOptions,
): Layout {
  const widest = Math.max(...layers.map((layer) => layer.length));
  const compact = widest * (CARD.height + GAP.cards) > height;
  const cardHeight = compact ? CARD.compactHeight : CARD.height;
  const rowGap = compact ? GAP.compact : GAP.cards;
  const gaps = layers.length;
  const wished = clamp(characters * CHARACTER + PADDING + (compact ? 34 : 0), CARD.min, CARD.max);
  const free = width - STUB - ANSWER.width - gaps * GAP.layersMin;
  const cardWidth = clamp(free / layers.length, CARD.min, Math.max(wished, CARD.roomy));
  const room = width - STUB - ANSWER.width - layers.length * cardWidth;
  const layerGap = clamp(room / gaps, GAP.layersMin, GAP.layersMax);
  const needed = STUB + layers.length * cardWidth + gaps * layerGap + ANSWER.width;
  const total = { width: Math.max(width, needed), height: Math.max(height, widest * (cardHeight + rowGap) + rowGap) };
  const left = Math.max(0, (total.width - needed) / 2);

  const cards = new Map<string, Box>();
  layers.forEach((layer, column) => {
    const pitch = Math.min(total.height / layer.length, (cardHeight + rowGap) * 2);
    const top = (total.height - pitch * layer.length) / 2;
    layer.forEach((name, row) => {
      cards.set(name, {
        x: left + STUB + column * (cardWidth + layerGap),
        y: top + pitch * (row + 0.5) - cardHeight / 2,
        width: cardWidth,
        height: cardHeight,
      });
    });
  });

  const shapes = edges.map(([from, to]): EdgeShape => {
    const a = boxOf(cards, from);
    const b = boxOf(cards, to);
    const start = [a.x + a.width, a.y + a.height / 2] as const;
    const end = [b.x, b.y + b.height / 2 + portOffset(edges, cards, from, to, cardHeight)] as const;
    // An edge that skips layers bows out, so that it is not hidden behind the cards between.
    const skipped = Math.round((end[0] - start[0] - layerGap) / (cardWidth + layerGap));
    const bow =
      skipped > 0 ? (start[1] <= total.height / 2 ? -1 : 1) * Math.min(70, 0.5 * cardHeight + 24 * skipped) : 0;
    return { from, to, path: curve(start, end, 'right', bow), start, end };
  });

  const last = boxOf(cards, layers.at(-1)?.[0] ?? '');
  const exit = { x: last.x + last.width, y: last.y + last.height / 2 };
  const at = { x: exit.x + layerGap * 0.8, y: exit.y - ANSWER.height / 2, ...ANSWER };
  return {
    direction: 'right',
    ...total,
    cards,
    edges: shapes,
    inputs: (layers[0] ?? []).map((to) => {
      const box = boxOf(cards, to);
      return { to, path: line(left + SOURCE.line, box.y + box.height / 2, box.x, box.y + box.height / 2) };
    }),
    source: sourceOf(layers[0] ?? [], cards, 'right', left),
    output: { path: line(exit.x, exit.y, at.x, exit.y), at },
    compact,
  };
}

function down(
  layers: readonly (readonly string[])[],
  edges: readonly Edge[],
  { width, height, characters }: LayoutOptions,
): Layout {
  const widest = Math.max(...layers.map((layer) => layer.length));
  const cardHeight = CARD.height;
  const wished = clamp(characters * CHARACTER + PADDING, CARD.min, CARD.max);
  // Four cards in a row are what a phone can hold without scrolling.
  const gap = widest > 3 ? GAP.crowded : GAP.cards;
  const cardWidth = clamp(width / widest - gap, CARD.narrow, Math.max(wished, CARD.roomy));
  const total = { width: Math.max(width, widest * (cardWidth + gap)), height };
  const fixed = STUB + layers.length * cardHeight + ANSWER.height;
  const layerGap = clamp((height - fixed) / layers.length, 40, 90);
  total.height = Math.max(height, fixed + layers.length * layerGap);
  const top = Math.max(0, (total.height - fixed - layers.length * layerGap) / 2);

  const cards = new Map<string, Box>();
  layers.forEach((layer, row) => {
    const pitch = total.width / layer.length;
    layer.forEach((name, column) => {
      cards.set(name, {
        x: pitch * (column + 0.5) - cardWidth / 2,
        y: top + STUB + row * (cardHeight + layerGap),
        width: cardWidth,
        height: cardHeight,
      });
    });
  });

  const shapes = edges.map(([from, to]): EdgeShape => {
    const a = boxOf(cards, from);
    const b = boxOf(cards, to);
    const start = [a.x + a.width / 2, a.y + a.height] as const;
    const end = [b.x + b.width / 2 + portOffset(edges, cards, from, to, cardWidth), b.y] as const;
    const skipped = Math.round((end[1] - start[1] - layerGap) / (cardHeight + layerGap));
    const bow = skipped > 0 ? (start[0] <= total.width / 2 ? -1 : 1) * Math.min(90, 0.5 * cardWidth + 20 * skipped) : 0;
    return { from, to, path: curve(start, end, 'down', bow), start, end };
  });

  const last = boxOf(cards, layers.at(-1)?.[0] ?? '');
  const exit = { x: last.x + last.width / 2, y: last.y + last.height };
  const at = { x: exit.x - ANSWER.width / 2, y: exit.y + layerGap * 0.7, ...ANSWER };
  return {
    direction: 'down',
    ...total,
    cards,
    edges: shapes,
    inputs: (layers[0] ?? []).map((to) => {
      const box = boxOf(cards, to);
      return { to, path: line(box.x + box.width / 2, top + SOURCE.line, box.x + box.width / 2, box.y) };
    }),
    source: sourceOf(layers[0] ?? [], cards, 'down', top),
    output: { path: line(exit.x, exit.y, exit.x, at.y), at },
    compact: false,
  };
}

/** Where the problem stands, `edge` away from the rim of the picture. */
function sourceOf(
  first: readonly string[],
  cards: ReadonlyMap<string, Box>,
  direction: Layout['direction'],
  edge: number,
): Layout['source'] {
  const middles = first.map((name) => {
    const { x, y, width, height } = boxOf(cards, name);
    return direction === 'right' ? y + height / 2 : x + width / 2;
  });
  const [from, to] = [Math.min(...middles), Math.max(...middles)];
  const [along, word, at] = [(from + to) / 2, edge + SOURCE.word, edge + SOURCE.line];
  return direction === 'right'
    ? { path: line(at, from, at, to), at: [word, along] }
    : { path: line(from, at, to, at), at: [along, word] };
}

/** Edges that end at one card arrive beside each other, in the order of their senders. */
function portOffset(
  edges: readonly Edge[],
  cards: ReadonlyMap<string, Box>,
  from: string,
  to: string,
  rim: number,
): number {
  const senders = edges.filter(([, end]) => end === to).map(([start]) => start);
  const along = (name: string) => {
    const box = boxOf(cards, name);
    return rim === box.height ? box.y : box.x;
  };
  senders.sort((a, b) => along(a) - along(b));
  const pitch = Math.min(14, (rim * 0.7) / Math.max(1, senders.length));
  return (senders.indexOf(from) - (senders.length - 1) / 2) * pitch;
}

function curve(
  [x1, y1]: readonly [number, number],
  [x2, y2]: readonly [number, number],
  direction: 'right' | 'down',
  bow: number,
): string {
  if (direction === 'right') {
    const reach = (x2 - x1) * 0.5;
    return `M${r(x1)} ${r(y1)}C${r(x1 + reach)} ${r(y1 + bow)} ${r(x2 - reach)} ${r(y2 + bow)} ${r(x2)} ${r(y2)}`;
  }
  const reach = (y2 - y1) * 0.5;
  return `M${r(x1)} ${r(y1)}C${r(x1 + bow)} ${r(y1 + reach)} ${r(x2 + bow)} ${r(y2 - reach)} ${r(x2)} ${r(y2)}`;
}

function line(x1: number, y1: number, x2: number, y2: number): string {
  return `M${r(x1)} ${r(y1)}L${r(x2)} ${r(y2)}`;
}

function boxOf(cards: ReadonlyMap<string, Box>, name: string): Box {
  const box = cards.get(name);
  if (!box) throw new RangeError(`the picture has no node "${name}"; it has ${[...cards.keys()].join(', ')}`);
  return box;
}

const r = (x: number): number => Math.round(x * 10) / 10;
const clamp = (x: number, low: number, high: number): number => Math.max(low, Math.min(high, x));
