/**
 * The header of a safetensors file: 8 bytes of its length, then JSON, then the tensors without gaps.
 * https://github.com/huggingface/safetensors#format
 */
import * as v from 'valibot';
import { ModelError } from '../config.ts';
import { parseJson, whole } from './json.ts';
import { REAL_BYTES, type RealType } from './sinks.ts';

export interface StoredTensor {
  name: string;
  type: RealType;
  shape: number[];
  /** First byte in the file. */
  start: number;
  bytes: number;
}

const TYPES: Record<string, RealType> = { BF16: 'bf16', F16: 'f16', F32: 'f32' };

const offset = whole(0, 2 ** 50);
const Entry = v.object({
  dtype: v.picklist(Object.keys(TYPES), 'BF16, F16 or F32'),
  shape: v.pipe(v.array(whole(0, 2 ** 31)), v.maxLength(8, 'at most 8 sizes')),
  data_offsets: v.tuple([offset, offset], 'two offsets'),
});
const Header = v.objectWithRest({ __metadata__: v.optional(v.unknown()) }, Entry);

/**
 * The tensors of a file in the order of their bytes.
 *
 * @param json the header without its length
 * @param start where the tensors begin in the file
 * @param size length of the file
 */
export function parseHeader(file: string, json: Uint8Array, start: number, size: number): StoredTensor[] {
  const { __metadata__: _, ...entries } = parseJson(Header, file, json);
  const tensors = Object.entries(entries).map(
    ([
      name,
      {
        dtype,
        shape,
        data_offsets: [from, to],
      },
    ]): StoredTensor => {
      const type = TYPES[dtype]!;
      const bytes = shape.reduce((product, length) => product * length, REAL_BYTES[type]);
      if (bytes !== to - from) {
        throw new ModelError(
          `${file}: ${name} has ${to - from} bytes; shape [${shape.join(', ')}] of ${dtype} takes ${bytes}.`,
        );
      }
      return { name, type, shape, start: start + from, bytes };
    },
  );
  tensors.sort((a, b) => a.start - b.start || a.bytes - b.bytes);
  let at = start;
  for (const tensor of tensors) {
    if (tensor.start !== at) {
      throw new ModelError(`${file}: ${tensor.name} begins at byte ${tensor.start}, not at ${at}: a gap or overlap.`);
    }
    at += tensor.bytes;
  }
  if (at !== size) throw new ModelError(`${file}: the tensors end at byte ${at}; the file has ${size} bytes.`);
  return tensors;
}
