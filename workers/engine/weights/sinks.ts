/** Where the bytes of a tensor go as they come: straight to their place, converted or quantised a row at a time. */
import { ModelError } from '../config.ts';
import { fromBfloat16, fromFloat16, toFloat16 } from './floats.ts';
import type { PackedMatrix } from './packed.ts';
import { quantizeRow4, quantizeRow8 } from './quantize.ts';
import type { Bytes } from './store.ts';

/** Types of stored real numbers. */
export type RealType = 'f16' | 'bf16' | 'f32';

export const REAL_BYTES: Record<RealType, number> = { f16: 2, bf16: 2, f32: 4 };

/** A tensor inside a file. */
export interface Placed {
  name: string;
  /** First byte in the file. */
  start: number;
  /** Length in bytes. */
  bytes: number;
  /** What takes them; called with all of them, in order, in parts of any length. Null: nobody wants them. */
  sink: Sink | null;
}

export interface Sink {
  write(bytes: Bytes): void;
  /** All bytes have come. Errors: ModelError for numbers that cannot be. */
  end(): void;
}

/**
 * Hands a file's bytes to its tensors. Errors: those of the sinks.
 * @param tensors in the order of their bytes, apart from each other
 */
export async function pour(chunks: AsyncIterable<Bytes>, tensors: readonly Placed[]): Promise<void> {
  let at = 0;
  let next = 0;
  for await (const chunk of chunks) {
    const end = at + chunk.length;
    while (next < tensors.length) {
      const { start, bytes, sink } = tensors[next]!;
      if (start >= end) break;
      sink?.write(chunk.subarray(Math.max(0, start - at), Math.min(chunk.length, start + bytes - at)));
      if (start + bytes > end) break;
      sink?.end();
      next++;
    }
    at = end;
  }
}

/** Copies bytes into a typed array, from its element `first` on. */
export function copySink(
  name: string,
  target: Uint32Array | Uint16Array | Float32Array,
  type: RealType | 'words',
  first: number,
  count: number,
): Sink {
  const place = target.subarray(first, first + count);
  const bytes = new Uint8Array(place.buffer, place.byteOffset, place.byteLength);
  let at = 0;
  return {
    write(chunk) {
      bytes.set(chunk, at);
      at += chunk.length;
    },
    end() {
      if (type !== 'words') checkFinite(name, place, type);
    },
  };
}

/** Converts numbers of any type into float32. */
export function vectorSink(name: string, target: Float32Array, type: RealType, first: number, count: number): Sink {
  return rowSink(name, type, 1, count, (row) => target.set(row, first));
}

/** Converts or quantises rows into a matrix, from its row `first` on. */
export function matrixSink(name: string, matrix: PackedMatrix, type: RealType, first: number, rows: number): Sink {
  const { cols } = matrix;
  if (matrix.kind === type) return copySink(name, matrix.values, type, first * cols, rows * cols);
  return rowSink(name, type, rows, cols, rowWriter(name, matrix, first));
}

function rowWriter(name: string, matrix: PackedMatrix, first: number): (row: Float32Array, r: number) => void {
  const { cols } = matrix;
  switch (matrix.kind) {
    case 'q4':
    case 'q8': {
      const { words, scales, scaleType } = matrix;
      if (scaleType !== 'f16' || !(scales instanceof Uint16Array))
        throw new Error('what is quantised here has f16 scales');
      const quantizeRow = matrix.kind === 'q4' ? quantizeRow4 : quantizeRow8;
      return (row, r) => {
        if (!quantizeRow(row, words, scales, first + r)) {
          throw new ModelError(
            `${name} has numbers in row ${r} that are too large for a 16-bit scale (${row.reduce((a, b) => Math.max(a, Math.abs(b)), 0)}): load it with 16 bits, or choose another model.`,
          );
        }
      };
    }
    case 'f16': {
      const { values } = matrix;
      return (row, r) => {
        const at = (first + r) * cols;
        for (let k = 0; k < cols; k++) {
          const bits = toFloat16(row[k]!);
          if ((bits & 0x7c00) === 0x7c00) {
            throw new ModelError(
              `${name} holds ${row[k]} in row ${r}, which 16 bits cannot; load it with 8 or 4 bits.`,
            );
          }
          values[at + k] = bits;
        }
      };
    }
    case 'f32': {
      const { values } = matrix;
      return (row, r) => values.set(row, (first + r) * cols);
    }
    case 'bf16':
      throw new Error('nothing is rounded to bf16');
  }
}

/** Collects bytes to rows of numbers; a chunk may begin and end anywhere. */
function rowSink(
  name: string,
  type: RealType,
  rows: number,
  cols: number,
  write: (row: Float32Array, r: number) => void,
): Sink {
  const bytes = new Uint8Array(cols * REAL_BYTES[type]);
  const row = type === 'f32' ? new Float32Array(bytes.buffer) : new Float32Array(cols);
  const halves = type === 'f32' ? null : new Uint16Array(bytes.buffer);
  let filled = 0;
  let r = 0;
  return {
    write(chunk) {
      for (let from = 0; from < chunk.length;) {
        const count = Math.min(bytes.length - filled, chunk.length - from);
        bytes.set(chunk.subarray(from, from + count), filled);
        filled += count;
        from += count;
        if (filled < bytes.length) break;
        if (halves) (type === 'f16' ? fromFloat16 : fromBfloat16)(halves, row);
        checkFinite(name, row, 'f32', r * cols);
        write(row, r++);
        filled = 0;
      }
    },
    end() {
      if (r !== rows || filled !== 0) throw new ModelError(`${name} has ${r} whole rows of ${rows}: it is truncated.`);
    },
  };
}

/** Exponents of ones only: infinities and what is not a number. */
const EXPONENT: Record<RealType, number> = { f16: 0x7c00, bf16: 0x7f80, f32: 0x7f800000 };

function checkFinite(name: string, values: Uint32Array | Uint16Array | Float32Array, type: RealType, first = 0): void {
  const mask = EXPONENT[type];
  const bits =
    values instanceof Float32Array ? new Uint32Array(values.buffer, values.byteOffset, values.length) : values;
  for (let i = 0; i < bits.length; i++) {
    if ((bits[i]! & mask) !== mask) continue;
    const fraction = bits[i]! & (type === 'f16' ? 0x3ff : type === 'bf16' ? 0x7f : 0x7fffff);
    const sign = bits[i]! >>> (type === 'f32' ? 31 : 15) ? '-' : '';
    throw new ModelError(
      `${name} holds ${fraction ? 'NaN' : `${sign}Infinity`} at element ${first + i}; every number must be finite: the model is damaged.`,
    );
  }
}
