/**
 * The safetensors format: 8 bytes of header length (u64, little-endian), a JSON header, then the tensors' bytes without
 * gaps. Files may come from anyone, so sizes and counts are checked against the file before anything is allocated.
 * https://github.com/huggingface/safetensors#format
 */
import { quoteValue } from '../spec-issues.ts';

export type Dtype = 'F32' | 'F16' | 'BF16';

export interface Tensor {
  dtype: Dtype;
  shape: number[];
  /** Row-major, widened to f32. */
  data: Float32Array;
}

export interface SafetensorsFile {
  tensors: Map<string, Tensor>;
  metadata: Record<string, string>;
}

/** A file that is not what it should be. */
export class SafetensorsError extends Error {
  override name = 'SafetensorsError';
}

const BYTES: Record<Dtype, number> = { F32: 4, F16: 2, BF16: 2 };
/** The format's own limit. */
const MAX_HEADER = 100_000_000;
const MAX_DIMENSIONS = 8;

/** Throws a SafetensorsError that names the tensor and the value that is wrong. */
export function readSafetensors(file: Uint8Array): SafetensorsFile {
  if (file.byteLength < 8) throw new SafetensorsError(`the file has ${file.byteLength} bytes; at least 8 are needed`);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const length = view.getBigUint64(0, true);
  if (length > MAX_HEADER || length > file.byteLength - 8) {
    throw new SafetensorsError(`the header says it has ${length} bytes; the file has ${file.byteLength}`);
  }
  const start = 8 + Number(length);
  const header = parseHeader(file.subarray(8, start));
  const size = file.byteLength - start;

  const { __metadata__: metadata, ...rest } = header;
  const entries = Object.entries(rest).map(([name, entry]) => checkEntry(name, entry, size));
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== at)
      throw new SafetensorsError(`${quoteValue(name)} begins at byte ${begin}, not at ${at}: a gap or overlap`);
    at = end;
  }
  if (at !== size) throw new SafetensorsError(`the tensors have ${at} bytes, the file has ${size} for them`);

  const tensors = new Map<string, Tensor>();
  for (const { name, dtype, shape, begin, end } of entries) {
    const bytes = new DataView(file.buffer, file.byteOffset + start + begin, end - begin);
    tensors.set(name, { dtype, shape, data: decode(bytes, dtype) });
  }
  return { tensors, metadata: checkMetadata(metadata) };
}

/** Writes F32 tensors in the order given, the data aligned to 8 bytes. */
export function writeSafetensors(
  tensors: Iterable<readonly [name: string, tensor: { shape: readonly number[]; data: Float32Array }]>,
  metadata: Record<string, string> = {},
): Uint8Array<ArrayBuffer> {
  const all = [...tensors];
  const header = new Map<string, unknown>();
  if (Object.keys(metadata).length > 0) header.set('__metadata__', metadata);
  let offset = 0;
  for (const [name, { shape, data }] of all) {
    const count = shape.reduce((product, n) => product * n, 1);
    if (count !== data.length) {
      throw new SafetensorsError(`${quoteValue(name)} has shape [${shape.join(', ')}] and ${data.length} elements`);
    }
    if (header.has(name)) throw new SafetensorsError(`${quoteValue(name)} is given twice`);
    header.set(name, { dtype: 'F32', shape, data_offsets: [offset, offset + 4 * count] });
    offset += 4 * count;
  }
  const json = JSON.stringify(Object.fromEntries(header));
  const encoded = new TextEncoder().encode(json);
  const length = Math.ceil(encoded.byteLength / 8) * 8;
  const file = new Uint8Array(8 + length + offset).fill(0x20, 8, 8 + length);
  const view = new DataView(file.buffer);
  view.setBigUint64(0, BigInt(length), true);
  file.set(encoded, 8);
  let at = 8 + length;
  for (const [, { data }] of all) {
    for (const value of data) {
      view.setFloat32(at, value, true);
      at += 4;
    }
  }
  return file;
}

interface Entry {
  name: string;
  dtype: Dtype;
  shape: number[];
  begin: number;
  end: number;
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new SafetensorsError('the header is not JSON', { cause: error });
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw new SafetensorsError('the header is not a JSON object');
  }
  return header as Record<string, unknown>;
}

function checkEntry(name: string, entry: unknown, size: number): Entry {
  const fail = (why: string): never => {
    throw new SafetensorsError(`${quoteValue(name)}: ${why}`);
  };
  if (typeof entry !== 'object' || entry === null) return fail('its entry is not an object');
  const { dtype, shape, data_offsets: offsets } = entry as Partial<Record<string, unknown>>;
  if (typeof dtype !== 'string' || !Object.hasOwn(BYTES, dtype)) {
    return fail(`dtype ${quoteValue(dtype)} is not one of ${Object.keys(BYTES).join(', ')}`);
  }
  if (!isCounts(shape) || shape.length > MAX_DIMENSIONS)
    return fail(`shape ${quoteValue(shape)} is not a list of sizes`);
  if (!isCounts(offsets) || offsets.length !== 2)
    return fail(`data_offsets ${quoteValue(offsets)} are not two offsets`);
  const [begin, end] = offsets as [number, number];
  if (begin > end || end > size) return fail(`bytes ${begin} to ${end} do not lie in the ${size} bytes there are`);
  const bytes = shape.reduce((product, n) => product * n, BYTES[dtype as Dtype]);
  if (bytes !== end - begin)
    return fail(`shape ${quoteValue(shape)} of ${dtype} needs ${bytes} bytes, it has ${end - begin}`);
  return { name, dtype: dtype as Dtype, shape, begin, end };
}

const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && (n as number) >= 0);

function checkMetadata(metadata: unknown): Record<string, string> {
  if (metadata === undefined) return {};
  if (typeof metadata !== 'object' || metadata === null || Object.values(metadata).some((v) => typeof v !== 'string')) {
    throw new SafetensorsError('__metadata__ is not an object of texts');
  }
  return { ...(metadata as Record<string, string>) };
}

function decode(bytes: DataView, dtype: Dtype): Float32Array {
  const data = new Float32Array(bytes.byteLength / BYTES[dtype]);
  for (let i = 0; i < data.length; i++) {
    if (dtype === 'F32') data[i] = bytes.getFloat32(4 * i, true);
    else if (dtype === 'F16') data[i] = fromHalf(bytes.getUint16(2 * i, true));
    else data[i] = fromBfloat(bytes.getUint16(2 * i, true));
  }
  return data;
}

/** IEEE 754 binary16, subnormals, infinities and NaN included. */
function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const scratch = new DataView(new ArrayBuffer(4));

/** The upper half of a binary32. */
function fromBfloat(bits: number): number {
  scratch.setUint32(0, bits * 0x10000);
  return scratch.getFloat32(0);
}
