/**
 * Packing of ragged sequences into one batch of tokens, without padding to the longest and with shared prompts computed
 * once. Pure; both backends read it.
 *
 * A row is one prompt with the message written after it. What a row has of its own begins with the prompt's last token, so
 * that every message token is predicted by a token of the row itself: own tokens are [prompt's last, m0 … m(n−2)], their
 * targets are [m0 … m(n−1)]. The rest of the prompts of a node form a trie: what any of them share (the header, the
 * problem, the first notes) is in the batch once.
 *
 * A token attends to a *path*, the KV slots of the shared tokens before it, and to its sequence's own slots up to itself.
 * The trie is laid out depth first, so whatever reads a token as key lies in one range behind it, its own sequence and all
 * that branch off, and sums over readers have a fixed order.
 *
 * Tokens of a node are contiguous and padded to a multiple of TILE, so a tile of a matrix product has one adapter.
 */

/** Tokens that share one adapter in a matrix product; segments of nodes are padded to a multiple of it. */
export { TILE } from '../kernels/batch.ts';
import { TILE } from '../kernels/batch.ts';
/** In place of an adapter's slot: the base alone. In `source`: no row. */
export const NONE = 0xffffffff;

export interface Row {
  prompt: Uint32Array;
  /** Tokens written, the stop token included; empty while generating. */
  message: Uint32Array;
}

/** The rows of one node. */
export interface NodeRows {
  /** Slot of the node's adapter in the backend. */
  slot: number;
  rows: Row[];
}

export interface Segment {
  slot: number;
  /** Tokens [start, end), padding not included. */
  start: number;
  end: number;
  /** `end` rounded up to a multiple of TILE: where the next segment starts. */
  paddedEnd: number;
}

export interface TokenBatch {
  /** Tokens, padding included: a multiple of TILE. */
  count: number;
  /** [count] token ids */
  ids: Uint32Array;
  /** [count] positions in the sequence, for RoPE */
  positions: Uint32Array;
  /** [count, 4]: start of its path in `paths`, the path's length, first own slot, own slots up to and with this token */
  ranges: Uint32Array;
  /** KV slots before a sequence, one path after the other */
  paths: Uint32Array;
  /** [count]: end of the tokens that read this token as key; they are [itself, end) */
  readers: Uint32Array;
  /** [count / TILE] adapter slot, or NONE for the base alone */
  tileSlot: Uint32Array;
  segments: Segment[];
}

/** The prompts of a generation, and what each row needs to go on from them. */
export interface GenerationBatch {
  /** The prompts but for their last tokens; a token's KV slot is its index, and `paths` has the rows' paths too. */
  prefill: TokenBatch;
  /** Rows of the decode batch, padding included: a multiple of TILE. */
  rowCount: number;
  /** [rowCount] index of the row among the request's rows (nodes in order), or NONE for padding */
  source: Uint32Array;
  /** [rowCount] decode row of each of the request's rows: inverse of `source` */
  place: Uint32Array;
  /** [rowCount, 4]: start of its path in `prefill.paths`, the path's length, last prompt token, 1 if a real row */
  rows: Uint32Array;
  /** [rowCount / TILE] adapter slot */
  tileSlot: Uint32Array;
  /** Prompt tokens after merging, the rows' last tokens included. */
  promptTokens: number;
}

/** A batch to train on: prompts and rows of every node, and the positions that carry loss. */
export interface TrainingBatch {
  tokens: TokenBatch;
  /** [n] token that predicts */
  lossToken: Uint32Array;
  /** [n] id that was written */
  lossTarget: Uint32Array;
  /** [n] index of the row among all rows (nodes in order) */
  lossRow: Uint32Array;
  /** [n] index of the node in the argument */
  lossNode: Uint32Array;
}

export function roundUp(n: number, multiple: number): number {
  return Math.ceil(n / multiple) * multiple;
}

/** A node of the trie of prompts: one token that some prompts share, and what follows it. */
interface Branch {
  children: Map<number, Branch>;
  /** Rows whose prompt ends here, but for its last token. */
  rows: number[];
}

/** The trie of all prompts without their last tokens; children and rows in order of first appearance. */
function promptTrie(rows: Row[]): Branch {
  const root: Branch = { children: new Map(), rows: [] };
  rows.forEach(({ prompt }, i) => {
    if (prompt.length === 0) throw new RangeError('a prompt needs at least one token');
    let branch = root;
    for (const id of prompt.subarray(0, -1)) {
      let child = branch.children.get(id);
      if (!child) branch.children.set(id, (child = { children: new Map(), rows: [] }));
      branch = child;
    }
    branch.rows.push(i);
  });
  return root;
}

/** A path in `TokenBatch.paths`. */
interface Path {
  start: number;
  length: number;
}

class TokenWriter {
  readonly #ids: number[] = [];
  readonly #positions: number[] = [];
  readonly #ranges: number[] = [];
  readonly #paths: number[] = [];
  readonly #readers: number[] = [];
  readonly #tileSlot: number[] = [];
  readonly #segments: Segment[] = [];

  get length() {
    return this.#ids.length;
  }

  /** Appends a sequence that goes on from a path; returns its first token. Only the sequence reads it, so far. */
  sequence(ids: ArrayLike<number>, path: Path = { start: 0, length: 0 }): number {
    const start = this.length;
    for (let i = 0; i < ids.length; i++) {
      this.#ids.push(ids[i]!);
      this.#positions.push(path.length + i);
      this.#ranges.push(path.start, path.length, start, i + 1);
      this.#readers.push(start + ids.length);
    }
    return start;
  }

  /**
   * Appends the tokens of a trie depth first. `visit` is called where prompts end, with their rows and the path that goes
   * on from there, and may append what is theirs.
   */
  trie(root: Branch, visit: (rows: number[], path: Path) => void): void {
    // An explicit stack: a prompt may branch at every token.
    const stack: ({ branch: Branch; path: Path; first?: number } | { start: number; end: number })[] = [
      { branch: root, path: { start: 0, length: 0 } },
    ];
    for (let top = stack.pop(); top; top = stack.pop()) {
      if ('start' in top) {
        this.#readers.fill(this.length, top.start, top.end);
        continue;
      }
      // All tokens up to the next branching or prompt's end are one sequence.
      const ids = top.first === undefined ? [] : [top.first];
      let { branch } = top;
      while (branch.rows.length === 0 && branch.children.size === 1) {
        const [[id, child]] = branch.children as unknown as [[number, Branch]];
        ids.push(id);
        branch = child;
      }
      const start = this.sequence(ids, top.path);
      const path = this.#extend(top.path, start, ids.length);
      stack.push({ start, end: start + ids.length });
      if (branch.rows.length > 0) visit(branch.rows, path);
      for (const [first, child] of [...branch.children].reverse()) stack.push({ branch: child, path, first });
    }
  }

  /** The path that has `length` tokens from `start` on behind another path. */
  #extend(path: Path, start: number, length: number): Path {
    if (length === 0) return path;
    const extended = { start: this.#paths.length, length: path.length + length };
    for (let i = 0; i < path.length; i++) this.#paths.push(this.#paths[path.start + i]!);
    for (let i = 0; i < length; i++) this.#paths.push(start + i);
    return extended;
  }

  closeSegment(slot: number, start: number): void {
    const end = this.length;
    while (this.length % TILE !== 0) {
      const i = this.length;
      this.#ids.push(0);
      this.#positions.push(0);
      this.#ranges.push(0, 0, i, 1);
      this.#readers.push(i + 1);
    }
    for (let i = start; i < this.length; i += TILE) this.#tileSlot.push(slot);
    this.#segments.push({ slot, start, end, paddedEnd: this.length });
  }

  finish(): TokenBatch {
    return {
      count: this.length,
      ids: Uint32Array.from(this.#ids),
      positions: Uint32Array.from(this.#positions),
      ranges: Uint32Array.from(this.#ranges),
      paths: Uint32Array.from(this.#paths),
      readers: Uint32Array.from(this.#readers),
      tileSlot: Uint32Array.from(this.#tileSlot),
      segments: this.#segments,
    };
  }
}

export function packGeneration(nodes: NodeRows[]): GenerationBatch {
  const writer = new TokenWriter();
  const rows: number[] = [];
  const source: number[] = [];
  const tileSlot: number[] = [];
  const place: number[] = [];
  let lastTokens = 0;
  let shared = 0;
  let base = 0;
  for (const node of nodes) {
    const segmentStart = writer.length;
    const firstRow = source.length;
    writer.trie(promptTrie(node.rows), (members, path) => {
      const last = (member: number) => node.rows[member]!.prompt.at(-1)!;
      lastTokens += new Set(members.map(last)).size;
      for (const member of members) {
        place[base + member] = source.length;
        source.push(base + member);
        rows.push(path.start, path.length, last(member), 1);
      }
    });
    shared += writer.length - segmentStart;
    writer.closeSegment(node.slot, segmentStart);
    while (source.length % TILE !== 0) {
      source.push(NONE);
      rows.push(0, 0, 0, 0);
    }
    for (let i = firstRow; i < source.length; i += TILE) tileSlot.push(node.slot);
    base += node.rows.length;
  }
  return {
    prefill: writer.finish(),
    rowCount: source.length,
    source: Uint32Array.from(source),
    place: Uint32Array.from(place),
    rows: Uint32Array.from(rows),
    tileSlot: Uint32Array.from(tileSlot),
    promptTokens: shared + lastTokens,
  };
}

export function packTraining(nodes: NodeRows[]): TrainingBatch {
  const writer = new TokenWriter();
  const lossToken: number[] = [];
  const lossTarget: number[] = [];
  const lossRow: number[] = [];
  const lossNode: number[] = [];
  let base = 0;
  nodes.forEach((node, nodeIndex) => {
    const segmentStart = writer.length;
    // A row without a message has no loss, and its prompt need not be read.
    const written = node.rows.map((row, i) => ({ ...row, i })).filter((row) => row.message.length > 0);
    writer.trie(promptTrie(written), (members, path) => {
      for (const member of members) {
        const { prompt, message, i: row } = written[member]!;
        const start = writer.sequence([prompt.at(-1)!, ...message.subarray(0, -1)], path);
        message.forEach((target, i) => {
          lossToken.push(start + i);
          lossTarget.push(target);
          lossRow.push(base + row);
          lossNode.push(nodeIndex);
        });
      }
    });
    writer.closeSegment(node.slot, segmentStart);
    base += node.rows.length;
  });
  return {
    tokens: writer.finish(),
    lossToken: Uint32Array.from(lossToken),
    lossTarget: Uint32Array.from(lossTarget),
    lossRow: Uint32Array.from(lossRow),
    lossNode: Uint32Array.from(lossNode),
  };
}

/**
 * The batch and behind it all its tokens once more, without an adapter: policy and base in one pass. Segments are those of
 * the policy.
 */
export function withBase(batch: TokenBatch): TokenBatch {
  const { count, paths } = batch;
  const twice = (values: Uint32Array, second: (value: number, i: number) => number = (value) => value) => {
    const both = new Uint32Array(2 * values.length);
    both.set(values);
    for (let i = 0; i < values.length; i++) both[values.length + i] = second(values[i]!, i);
    return both;
  };
  return {
    count: 2 * count,
    ids: twice(batch.ids),
    positions: twice(batch.positions),
    // Of (path, path length, own slot, own slots) the starts move.
    ranges: twice(batch.ranges, (value, i) => value + [paths.length, 0, count, 0][i % 4]!),
    paths: twice(paths, (slot) => slot + count),
    readers: twice(batch.readers, (end) => end + count),
    tileSlot: twice(batch.tileSlot, () => NONE),
    segments: batch.segments,
  };
}

/** One sequence, no loss: for scoring. */
export function packSequence(ids: ArrayLike<number>, slot: number): TokenBatch {
  const writer = new TokenWriter();
  writer.sequence(ids);
  writer.closeSegment(slot, 0);
  return writer.finish();
}
