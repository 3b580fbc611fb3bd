/**
 * Causal grouped-query attention over ragged sequences with shared prefixes. A query reads the KV slots of its path
 * (what prompts share) and its sequence's own slots up to itself (`../engine/batch.ts`).
 *
 *   forward    s_j = q·k_j / √d      p = softmax(s)      y = Σ_j p_j v_j
 *   backward   dp_j = dy·v_j         ds_j = p_j (dp_j − Σ_i p_i dp_i)
 *              dq = Σ_j ds_j k_j / √d      dk_j += ds_j q / √d      dv_j += p_j dy
 *
 * Ainslie et al., "GQA: Training Generalized Multi-Query Transformer Models", 2023: head h reads the keys and values of
 * KV head h / (heads / kvHeads).
 */
import { type Matrix, type Room, type Vec, zeroMatrix } from './tensor.ts';

export interface AttentionShape {
  heads: number;
  kvHeads: number;
  headSize: number;
}

/** Keys and values, or their gradients: [slots, kvHeads · headSize] each, of equal stride. */
export interface KeysValues {
  keys: Matrix;
  values: Matrix;
}

export interface AttentionMemory {
  /** p of every row and head, one after the other, in the order of the slots read. */
  probabilities: Vec;
  /** [rows] where a row's probabilities start. */
  starts: Uint32Array;
}

/** What each row reads. */
export interface Reads {
  /** [rows, 4]: start of the path in `paths`, its length, first own slot, own slots up to and with the row's */
  ranges: Uint32Array;
  paths: Uint32Array;
}

/** The slots row `r` reads, in their order, into `out`; returns their number. */
export function slotsOf({ ranges, paths }: Reads, r: number, out: Uint32Array): number {
  const [path, pathLength, own, ownLength] = ranges.subarray(4 * r, 4 * r + 4) as unknown as [
    number,
    number,
    number,
    number,
  ];
  for (let j = 0; j < pathLength; j++) out[j] = paths[path + j]!;
  for (let j = 0; j < ownLength; j++) out[pathLength + j] = own + j;
  return pathLength + ownLength;
}

/** Number of slots row `r` reads. */
export function reach(ranges: Uint32Array, r: number): number {
  return ranges[4 * r + 1]! + ranges[4 * r + 3]!;
}

/** y [rows, heads · headSize] from q of the same shape. */
export function attentionForward(
  room: Room,
  shape: AttentionShape,
  q: Matrix,
  kv: KeysValues,
  reads: Reads,
): [y: Matrix, memory: AttentionMemory] {
  const { heads, kvHeads, headSize } = shape;
  const starts = new Uint32Array(q.rows);
  let total = 0;
  let longest = 0;
  for (let row = 0; row < q.rows; row++) {
    starts[row] = total;
    const length = reach(reads.ranges, row);
    total += heads * length;
    longest = Math.max(longest, length);
  }
  const slots = new Uint32Array(longest);
  const p = room.zeros(total);
  const y = zeroMatrix(room, q.rows, q.cols);
  const scale = 1 / Math.sqrt(headSize);
  const [qd, kd, vd, yd] = [q.data, kv.keys.data, kv.values.data, y.data];
  const { stride, offset: keyOffset } = kv.keys;
  const valueOffset = kv.values.offset;
  for (let row = 0; row < q.rows; row++) {
    const length = slotsOf(reads, row, slots);
    for (let head = 0; head < heads; head++) {
      const at = q.offset + row * q.stride + head * headSize;
      const out = row * y.stride + head * headSize;
      const column = Math.floor((head * kvHeads) / heads) * headSize;
      const first = starts[row]! + head * length;
      let largest = -Infinity;
      for (let j = 0; j < length; j++) {
        const key = keyOffset + slots[j]! * stride + column;
        let dot = 0;
        for (let i = 0; i < headSize; i++) dot += qd[at + i]! * kd[key + i]!;
        const score = dot * scale;
        p[first + j] = score;
        if (score > largest) largest = score;
      }
      let sum = 0;
      for (let j = 0; j < length; j++) {
        const e = Math.exp(p[first + j]! - largest);
        p[first + j] = e;
        sum += e;
      }
      for (let j = 0; j < length; j++) {
        const weight = p[first + j]! / sum;
        p[first + j] = weight;
        const value = valueOffset + slots[j]! * stride + column;
        for (let i = 0; i < headSize; i++) yd[out + i]! += weight * vd[value + i]!;
      }
    }
  }
  return [y, { probabilities: p, starts }];
}

/** Adds to dq, and to dk and dv of `dkv`, which lies as `kv` does; the other arguments are those of the forward pass. */
export function attentionBackward(
  shape: AttentionShape,
  dy: Matrix,
  q: Matrix,
  kv: KeysValues,
  reads: Reads,
  memory: AttentionMemory,
  dq: Matrix,
  dkv: KeysValues,
): void {
  const { heads, kvHeads, headSize } = shape;
  const scale = 1 / Math.sqrt(headSize);
  const p = memory.probabilities;
  const [qd, kd, vd, dyd, dqd] = [q.data, kv.keys.data, kv.values.data, dy.data, dq.data];
  const [dkd, dvd] = [dkv.keys.data, dkv.values.data];
  const { stride, offset: keyOffset } = kv.keys;
  const valueOffset = kv.values.offset;
  let dp = new Float64Array(64);
  let slots = new Uint32Array(64);
  for (let row = 0; row < q.rows; row++) {
    const length = reach(reads.ranges, row);
    if (dp.length < length) {
      dp = new Float64Array(2 * length);
      slots = new Uint32Array(2 * length);
    }
    slotsOf(reads, row, slots);
    for (let head = 0; head < heads; head++) {
      const at = q.offset + row * q.stride + head * headSize;
      const to = dq.offset + row * dq.stride + head * headSize;
      const from = dy.offset + row * dy.stride + head * headSize;
      const column = Math.floor((head * kvHeads) / heads) * headSize;
      const first = memory.starts[row]! + head * length;
      let mean = 0;
      for (let j = 0; j < length; j++) {
        const value = valueOffset + slots[j]! * stride + column;
        const weight = p[first + j]!;
        let dot = 0;
        for (let i = 0; i < headSize; i++) {
          const d = dyd[from + i]!;
          dot += d * vd[value + i]!;
          dvd[value + i]! += weight * d;
        }
        dp[j] = dot;
        mean += weight * dot;
      }
      for (let j = 0; j < length; j++) {
        const key = keyOffset + slots[j]! * stride + column;
        const ds = p[first + j]! * (dp[j]! - mean) * scale;
        for (let i = 0; i < headSize; i++) {
          dqd[to + i]! += ds * kd[key + i]!;
          dkd[key + i]! += ds * qd[at + i]!;
        }
      }
    }
  }
}
