import type { Transcript } from '../../training/types.ts';

/**
 * The film of one problem going through the network: each layer writes its messages character by character, then they
 * travel along the edges, then the next layer writes. Pure: a picture is a function of the time since it began.
 */

/** Milliseconds. */
export interface Tempo {
  character: number;
  /** A layer writes for no longer than this: with more to write, its characters come faster. */
  writing: number;
  travel: number;
  /** The finished picture stays this long. */
  hold: number;
}

export const tempos = {
  readable: { character: 75, writing: 6000, travel: 650, hold: 1100 },
  quick: { character: 22, writing: 1500, travel: 220, hold: 350 },
} satisfies Record<string, Tempo>;

export interface Frame {
  /** Characters of its message that a node has written; a node not named has not begun. */
  written: Record<string, number>;
  /** Layers (from 1) whose messages are under way, with how far they are, 0 to 1. */
  travelling: { layer: number; progress: number } | null;
  /** Last layer (from 1) whose messages have arrived. */
  arrived: number;
  /** The answer is out. */
  answered: boolean;
  finished: boolean;
}

/** Every message in full: the last frame, and the only one for a reader who asked for no motion. */
export function lastFrame(transcript: Transcript): Frame {
  const written: Record<string, number> = {};
  let arrived = 0;
  for (const { node, message } of transcript.nodes) {
    written[node] = message.text.length;
    arrived = Math.max(arrived, layerOf(node));
  }
  return { written, travelling: null, arrived, answered: true, finished: true };
}

/** The picture `elapsed` milliseconds after the film began. */
export function frameAt(transcript: Transcript, elapsed: number, tempo: Tempo): Frame {
  const layers = new Map<number, { node: string; length: number }[]>();
  for (const { node, message } of transcript.nodes) {
    const layer = layers.get(layerOf(node)) ?? [];
    layer.push({ node, length: message.text.length });
    layers.set(layerOf(node), layer);
  }
  const frame: Frame = { written: {}, travelling: null, arrived: 0, answered: false, finished: false };
  let left = elapsed;
  for (const [layer, nodes] of [...layers].sort(([a], [b]) => a - b)) {
    const longest = Math.max(1, ...nodes.map(({ length }) => length));
    const writing = Math.min(longest * tempo.character, tempo.writing);
    const characters = left < writing ? Math.floor((left * longest) / writing) : longest;
    for (const { node, length } of nodes) frame.written[node] = Math.min(length, characters);
    if (left < writing) return frame;
    left -= writing;
    if (left < tempo.travel) {
      frame.travelling = { layer, progress: left / tempo.travel };
      return frame;
    }
    left -= tempo.travel;
    frame.arrived = layer;
  }
  frame.answered = true;
  frame.finished = left >= tempo.hold;
  return frame;
}

/** Whether two frames draw the same, but for the place of travelling messages. */
export function sameFrame(a: Frame, b: Frame): boolean {
  if (a.arrived !== b.arrived || a.answered !== b.answered || a.travelling?.layer !== b.travelling?.layer) return false;
  const names = Object.keys(b.written);
  return names.length === Object.keys(a.written).length && names.every((name) => a.written[name] === b.written[name]);
}

/** Layer (from 1) of a node named `layer.index`. */
export function layerOf(node: string): number {
  return Number.parseInt(node, 10);
}
