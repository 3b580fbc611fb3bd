/** Attention by the loops of `attention.wat`, on matrices of an arena: what `../attention.ts` computes, in its order of slots. */
import { type AttentionMemory, type AttentionShape, type KeysValues, type Reads, reach } from '../attention.ts';
import { type Matrix, zeroMatrix } from '../tensor.ts';
import { type Arena, roundUp } from './arena.ts';
import type { Functions } from './module.ts';

const address = ({ data, offset }: Matrix): number => data.byteOffset + 4 * offset;

/** Rows are read four at a time, so a row's slots are filled up to a multiple of four. */
const filled = (length: number): number => roundUp(length, 4);

/** Byte offsets, from the first slot's, of what a row reads, in a list that is made anew for each row. */
class Offsets {
  readonly list: Uint32Array;
  readonly #reads: Reads;
  readonly #step: number;

  constructor(arena: Arena, reads: Reads, rows: number, stride: number) {
    let longest = 0;
    for (let row = 0; row < rows; row++) longest = Math.max(longest, reach(reads.ranges, row));
    const { buffer, byteOffset, length } = arena.room(filled(longest));
    this.list = new Uint32Array(buffer, byteOffset, length);
    this.#reads = reads;
    this.#step = 4 * stride;
  }

  /** Filled up with the row's last slot. */
  of(row: number): void {
    const { ranges, paths } = this.#reads;
    const path = ranges[4 * row]!;
    const shared = ranges[4 * row + 1]!;
    const own = ranges[4 * row + 2]! - shared;
    const length = reach(ranges, row);
    for (let j = 0; j < shared; j++) this.list[j] = paths[path + j]! * this.#step;
    for (let j = shared; j < length; j++) this.list[j] = (own + j) * this.#step;
    this.list.fill(this.list[length - 1]!, length, filled(length));
  }
}

export function attentionForward(
  wasm: Functions,
  arena: Arena,
  { heads, kvHeads, headSize }: AttentionShape,
  q: Matrix,
  kv: KeysValues,
  reads: Reads,
): [y: Matrix, memory: AttentionMemory] {
  const starts = new Uint32Array(q.rows);
  let total = 0;
  for (let row = 0; row < q.rows; row++) {
    starts[row] = total;
    total += heads * filled(reach(reads.ranges, row));
  }
  const y = zeroMatrix(arena, q.rows, q.cols);
  const probabilities = arena.room(total);
  const offsets = new Offsets(arena, reads, q.rows, kv.keys.stride);
  const slots = offsets.list.byteOffset;
  const bytes = 4 * headSize;
  const scale = 1 / Math.sqrt(headSize);
  for (let row = 0; row < q.rows; row++) {
    offsets.of(row);
    const length = reach(reads.ranges, row);
    const count = filled(length);
    for (let head = 0; head < heads; head++) {
      const column = bytes * Math.floor((head * kvHeads) / heads);
      const first = starts[row]! + head * count;
      const p = probabilities.byteOffset + 4 * first;
      wasm.dots(address(q) + 4 * row * q.stride + head * bytes, address(kv.keys) + column, slots, count, bytes, p);
      probabilities.fill(-Infinity, first + length, first + count);
      wasm.softmax(p, count, scale);
      wasm.combine(p, address(kv.values) + column, slots, count, bytes, address(y) + 4 * row * y.stride + head * bytes);
    }
  }
  return [y, { probabilities, starts }];
}

export function attentionBackward(
  wasm: Functions,
  arena: Arena,
  { heads, kvHeads, headSize }: AttentionShape,
  dy: Matrix,
  q: Matrix,
  kv: KeysValues,
  reads: Reads,
  { probabilities, starts }: AttentionMemory,
  dq: Matrix,
  dkv: KeysValues,
): void {
  const offsets = new Offsets(arena, reads, q.rows, kv.keys.stride);
  const slots = offsets.list.byteOffset;
  const dp = arena.room(offsets.list.length).byteOffset;
  const bytes = 4 * headSize;
  const scale = 1 / Math.sqrt(headSize);
  for (let row = 0; row < q.rows; row++) {
    offsets.of(row);
    const count = filled(reach(reads.ranges, row));
    for (let head = 0; head < heads; head++) {
      const column = bytes * Math.floor((head * kvHeads) / heads);
      const p = probabilities.byteOffset + 4 * (starts[row]! + head * count);
      const from = address(dy) + 4 * row * dy.stride + head * bytes;
      const query = address(q) + 4 * row * q.stride + head * bytes;
      wasm.dots(from, address(kv.values) + column, slots, count, bytes, dp);
      wasm.spread(p, from, address(dkv.values) + column, slots, count, bytes);
      wasm.softmaxBackward(dp, p, count, scale);
      wasm.combine(
        dp,
        address(kv.keys) + column,
        slots,
        count,
        bytes,
        address(dq) + 4 * row * dq.stride + head * bytes,
      );
      wasm.spread(dp, query, address(dkv.keys) + column, slots, count, bytes);
    }
  }
}
