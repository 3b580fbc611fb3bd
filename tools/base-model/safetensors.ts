import { fromBfloat16, fromFloat16 } from '../../workers/engine/weights/floats.ts';

/** A tensor of a safetensors file, its values as numbers. */
export interface SourceTensor {
  shape: number[];
  /** Row-major. */
  values: Float32Array;
}

interface HeaderEntry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

const BYTES: Record<string, number> = { F16: 2, BF16: 2, F32: 4 };

/**
 * Reads a whole safetensors file (u64 header length, JSON header, data; all little-endian) into f32.
 * Errors: a header that does not fit the file, a type other than F16, BF16 and F32.
 */
export function readSafetensors(file: Uint8Array): Map<string, SourceTensor> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.byteLength < 8)
    throw new Error(`A safetensors file begins with 8 bytes of length; this one has ${file.byteLength} bytes.`);
  const headerBytes = Number(view.getBigUint64(0, true));
  if (8 + headerBytes > file.byteLength)
    throw new Error(
      `The safetensors header says ${headerBytes} bytes, but the file has ${file.byteLength}: it is cut off.`,
    );
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + headerBytes))) as Record<string, HeaderEntry>;

  const tensors = new Map<string, SourceTensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const width = BYTES[entry.dtype];
    if (width === undefined) throw new Error(`${name} has type ${entry.dtype}; F16, BF16 and F32 can be read.`);
    const length = entry.shape.reduce((product, size) => product * size, 1);
    const [from, to] = entry.data_offsets;
    if (to - from !== length * width || 8 + headerBytes + to > file.byteLength)
      throw new Error(`${name} of shape [${entry.shape.join(', ')}] does not fit its bytes ${from}–${to} of the file.`);
    // Copied, since a view of wider numbers must start at a multiple of their size.
    const data = new Uint8Array(file.subarray(8 + headerBytes + from, 8 + headerBytes + to)).buffer;
    let values: Float32Array;
    if (entry.dtype === 'F32') values = new Float32Array(data);
    else values = (entry.dtype === 'F16' ? fromFloat16 : fromBfloat16)(new Uint16Array(data));
    tensors.set(name, { shape: entry.shape, values });
  }
  return tensors;
}
