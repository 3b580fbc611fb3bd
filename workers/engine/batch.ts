/**
 * Packing of ragged sequences into one batch of tokens, without padding to the longest and with shared prompts computed
 * once. Pure; both backends read it.
 *
 * A row is one prompt with the message written after it. The rows of a node form a trie: what any of them share (the
 * header, the problem, the first notes, and in training the beginnings of messages) is in the batch once. While generating,
 * the last token of each prompt is its row's own.
 *
 * In training a token predicts what was written after it. Where rows that were equal so far went different ways, or the same,
 * it is one *position* with several *choices*, the distinct tokens written there.
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

/** A batch to train on: all rows of every node as one trie a node, and the positions that carry loss. */
export interface TrainingBatch {
  tokens: TokenBatch;
  /** [positions] token that predicts, ascending */
  lossToken: Uint32Array;
  /** [positions] index of the node in the argument */
  lossNode: Uint32Array;
  /** [positions] message tokens that were written there */
  lossCount: Uint32Array;
  /** [positions + 1] first choice of each position */
  choiceStart: Uint32Array;
  /** [choices] id that was written; the choices of a position differ */
  choiceTarget: Uint32Array;
  /** [message tokens, row after row] its choice */
  choice: Uint32Array;
  /** [message tokens] index of its row among all rows (nodes in order) */
  messageRow: Uint32Array;
}

export function roundUp(n: number, multiple: number): number {
  return Math.ceil(n / multiple) * multiple;
}

/** A node of a trie: one token that some rows share, and what follows it. */
interface Branch {
  children: Map<number, Branch>;
  /** While generating: rows whose prompt ends here, but for its last token. */
  rows: number[];
  /** In training: what was written here, and by which message tokens. */
  choices: Map<number, number[]>;
}

const newBranch = (): Branch => ({ children: new Map(), rows: [], choices: new Map() });

function follow(branch: Branch, id: number): Branch {
  let child = branch.children.get(id);
  if (!child) branch.children.set(id, (child = newBranch()));
  return child;
}

/** The trie of all prompts without their last tokens; children and rows in order of first appearance. */
function promptTrie(rows: Row[]): Branch {
  const root = newBranch();
  rows.forEach(({ prompt }, i) => {
    checkPrompt(prompt);
    prompt.subarray(0, -1).reduce(follow, root).rows.push(i);
  });
  return root;
}

/** The trie of prompts and messages. Message tokens are counted from `first` on. */
function messageTrie(rows: Row[], first: number): Branch {
  const root = newBranch();
  let written = first;
  for (const { prompt, message } of rows) {
    checkPrompt(prompt);
    // A row without a message has no loss, and its prompt need not be read.
    if (message.length === 0) continue;
    let branch = prompt.reduce(follow, root);
    message.forEach((target, i) => {
      const same = branch.choices.get(target);
      if (same) same.push(written);
      else branch.choices.set(target, [written]);
      written++;
      // Nobody reads the last token.
      if (i < message.length - 1) branch = follow(branch, target);
    });
  }
  return root;
}

function checkPrompt(prompt: Uint32Array): void {
  if (prompt.length === 0) throw new RangeError('a prompt needs at least one token');
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
   * Appends the tokens of a trie depth first. `visit` gets each of them, and `end` the rows whose prompts end, with the path
   * that goes on from there.
   */
  trie(root: Branch, visit: (branch: Branch, token: number) => void, end?: (rows: number[], path: Path) => void): void {
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
      let { branch } = top;
      const ids: number[] = [];
      for (let id = top.first; ; [[id, branch]] = branch.children as unknown as [[number, Branch]]) {
        if (id !== undefined) {
          visit(branch, this.length + ids.length);
          ids.push(id);
        }
        if (branch.rows.length > 0 || branch.children.size !== 1) break;
      }
      const start = this.sequence(ids, top.path);
      const path = this.#extend(top.path, start, ids.length);
      stack.push({ start, end: start + ids.length });
      if (branch.rows.length > 0) end?.(branch.rows, path);
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

const ignore = (): void => undefined;

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
    writer.trie(promptTrie(node.rows), ignore, (members, path) => {
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
  const lossNode: number[] = [];
  const lossCount: number[] = [];
  const choiceStart = [0];
  const choiceTarget: number[] = [];
  const choice: number[] = [];
  const rows = nodes.flatMap((node) => node.rows);
  nodes.forEach((node, nodeIndex) => {
    const segmentStart = writer.length;
    writer.trie(messageTrie(node.rows, choice.length), ({ choices }, token) => {
      if (choices.size === 0) return;
      let count = 0;
      for (const [target, written] of choices) {
        for (const i of written) choice[i] = choiceTarget.length;
        choiceTarget.push(target);
        count += written.length;
      }
      lossToken.push(token);
      lossNode.push(nodeIndex);
      lossCount.push(count);
      choiceStart.push(choiceTarget.length);
    });
    writer.closeSegment(node.slot, segmentStart);
  });
  return {
    tokens: writer.finish(),
    lossToken: Uint32Array.from(lossToken),
    lossNode: Uint32Array.from(lossNode),
    lossCount: Uint32Array.from(lossCount),
    choiceStart: Uint32Array.from(choiceStart),
    choiceTarget: Uint32Array.from(choiceTarget),
    choice: Uint32Array.from(choice),
    messageRow: Uint32Array.from(rows.flatMap(({ message }, row) => Array.from(message, () => row))),
  };
}

/**
 * What the loss of a batch is weighed with: `advantage` [choices] and `weight` [positions] of `UpdateOptions`, from the
 * advantages of the rows and the weight of a message token of each node.
 */
export function lossWeights(
  { lossNode, lossCount, choiceStart, choiceTarget, choice, messageRow }: TrainingBatch,
  advantages: ArrayLike<number>,
  weights: readonly number[],
): { advantage: Float32Array; weight: Float32Array } {
  const sums = new Float64Array(choiceTarget.length);
  choice.forEach((c, i) => (sums[c]! += advantages[messageRow[i]!]!));
  lossNode.forEach((node, position) => {
    for (let c = choiceStart[position]!; c < choiceStart[position + 1]!; c++) sums[c]! *= weights[node]!;
  });
  return {
    advantage: Float32Array.from(sums),
    weight: Float32Array.from(lossNode, (node, position) => lossCount[position]! * weights[node]!),
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
