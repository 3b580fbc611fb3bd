/**
 * Packing of ragged sequences into one batch of tokens, without padding to the longest and with shared prompts computed
 * once. Pure; both backends read it.
 *
 * A row is one prompt with the message written after it. Rows of a node with the same prompt share a *prefix*: the prompt
 * without its last token. What a row has of its own begins with that last token, so that every message token is predicted
 * by a token of the row itself: own tokens are [prompt's last, m0 … m(n−2)], their targets are [m0 … m(n−1)].
 *
 * A token attends to the whole prefix of its sequence and to the sequence's own tokens up to itself: two contiguous
 * ranges of KV slots. Backwards, a key is read by its own sequence from itself onward, and, if it belongs to a prefix, by
 * all rows that share it, which lie next to each other: again two contiguous ranges. Sums over them have a fixed order.
 *
 * Tokens of a node are contiguous and padded to a multiple of TILE, so a tile of a matrix product has one adapter.
 */

/** Tokens that share one adapter in a matrix product; segments of nodes are padded to a multiple of it. */
export const TILE = 8;
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
  /** [count, 4]: first prefix slot, prefix length, first own slot, own slots up to and with this token */
  ranges: Uint32Array;
  /** [count, 4]: end of the own sequence's tokens (queries of this key are [itself, end)), first child token, end of child tokens, 0 */
  readers: Uint32Array;
  /** [count / TILE] adapter slot, or NONE for the base alone */
  tileSlot: Uint32Array;
  segments: Segment[];
}

/** The prefixes of a generation, and what each row needs to go on from them. */
export interface GenerationBatch {
  /** The shared prefixes; a token's KV slot is its index. */
  prefill: TokenBatch;
  /** Rows of the decode batch, padding included: a multiple of TILE. */
  rowCount: number;
  /** [rowCount] index of the row among the request's rows (nodes in order), or NONE for padding */
  source: Uint32Array;
  /** [rowCount] decode row of each of the request's rows: inverse of `source` */
  place: Uint32Array;
  /** [rowCount, 4]: first prefix slot, prefix length, last prompt token, 1 if a real row */
  rows: Uint32Array;
  /** [rowCount / TILE] adapter slot */
  tileSlot: Uint32Array;
  /** Prompt tokens after merging, the rows' last tokens included. */
  promptTokens: number;
}

/** A batch to train on: prefixes and rows of every node, and the positions that carry loss. */
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

/** Rows of a node by identical prompt, in order of first appearance: [prompt, indices of rows]. */
function byPrompt(rows: Row[]): { prompt: Uint32Array; members: number[] }[] {
  const groups = new Map<string, { prompt: Uint32Array; members: number[] }>();
  rows.forEach((row, i) => {
    if (row.prompt.length === 0) throw new RangeError('a prompt needs at least one token');
    const key = row.prompt.join(' ');
    const group = groups.get(key);
    if (group) group.members.push(i);
    else groups.set(key, { prompt: row.prompt, members: [i] });
  });
  return [...groups.values()];
}

class TokenWriter {
  ids: number[] = [];
  positions: number[] = [];
  ranges: number[] = [];
  readers: number[] = [];
  tileSlot: number[] = [];
  segments: Segment[] = [];

  get length() {
    return this.ids.length;
  }

  /** Appends a sequence that continues a prefix (length 0: starts at position 0); returns its first token. */
  sequence(ids: ArrayLike<number>, prefixStart = 0, prefixLength = 0): number {
    const start = this.length;
    for (let i = 0; i < ids.length; i++) {
      this.ids.push(ids[i]!);
      this.positions.push(prefixLength + i);
      this.ranges.push(prefixStart, prefixLength, start, i + 1);
      this.readers.push(start + ids.length, 0, 0, 0);
    }
    return start;
  }

  /** Says that the tokens [start, start + length) are read by the tokens [first, end) of the rows that share them. */
  children(start: number, length: number, first: number, end: number): void {
    for (let i = start; i < start + length; i++) {
      this.readers[4 * i + 1] = first;
      this.readers[4 * i + 2] = end;
    }
  }

  closeSegment(slot: number, start: number): void {
    const end = this.length;
    while (this.length % TILE !== 0) {
      const i = this.length;
      this.ids.push(0);
      this.positions.push(0);
      this.ranges.push(0, 0, i, 1);
      this.readers.push(i + 1, 0, 0, 0);
    }
    for (let i = start; i < this.length; i += TILE) this.tileSlot.push(slot);
    this.segments.push({ slot, start, end, paddedEnd: this.length });
  }

  finish(): TokenBatch {
    return {
      count: this.length,
      ids: Uint32Array.from(this.ids),
      positions: Uint32Array.from(this.positions),
      ranges: Uint32Array.from(this.ranges),
      readers: Uint32Array.from(this.readers),
      tileSlot: Uint32Array.from(this.tileSlot),
      segments: this.segments,
    };
  }
}

export function packGeneration(nodes: NodeRows[]): GenerationBatch {
  const writer = new TokenWriter();
  const rows: number[] = [];
  const source: number[] = [];
  const tileSlot: number[] = [];
  const place: number[] = [];
  let promptTokens = 0;
  let base = 0;
  for (const node of nodes) {
    const segmentStart = writer.length;
    const firstRow = source.length;
    for (const { prompt, members } of byPrompt(node.rows)) {
      const prefixLength = prompt.length - 1;
      const start = writer.sequence(prompt.subarray(0, prefixLength));
      promptTokens += prompt.length;
      for (const member of members) {
        place[base + member] = source.length;
        source.push(base + member);
        rows.push(start, prefixLength, prompt[prefixLength]!, 1);
      }
    }
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
    promptTokens,
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
    const groups = byPrompt(node.rows);
    const prefixStart = groups.map(({ prompt }) => writer.sequence(prompt.subarray(0, prompt.length - 1)));
    groups.forEach(({ prompt, members }, g) => {
      const prefixLength = prompt.length - 1;
      const first = writer.length;
      for (const member of members) {
        const message = node.rows[member]!.message;
        if (message.length === 0) continue;
        const own = [prompt[prefixLength]!, ...message.subarray(0, -1)];
        const start = writer.sequence(own, prefixStart[g]!, prefixLength);
        message.forEach((target, i) => {
          lossToken.push(start + i);
          lossTarget.push(target);
          lossRow.push(base + member);
          lossNode.push(nodeIndex);
        });
      }
      writer.children(prefixStart[g]!, prefixLength, first, writer.length);
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

/** One sequence, no loss: for scoring. */
export function packSequence(ids: ArrayLike<number>, slot: number): TokenBatch {
  const writer = new TokenWriter();
  writer.sequence(ids);
  writer.closeSegment(slot, 0);
  return writer.finish();
}
