import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readSafetensors, SafetensorsError, writeSafetensors } from './safetensors.ts';

/** A file from a header as it stands and some bytes. */
function fileOf(header: unknown, bytes = 0, length?: bigint): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + json.length + bytes);
  new DataView(file.buffer).setBigUint64(0, length ?? BigInt(json.length), true);
  file.set(json, 8);
  return file;
}

describe('readSafetensors', () => {
  it('reads what the Python library wrote', async () => {
    const file = await readFile(new URL('../../tests/fixtures/lora.safetensors', import.meta.url));
    const { tensors } = readSafetensors(file);
    expect(tensors.size).toBe(2 * 4 * 7 * 2); // nodes, layers, projections, A and B
    const [name, tensor] = [...tensors][0] ?? [];
    expect(name).toMatch(/lora_[AB]/);
    expect(tensor?.data.length).toBe(tensor?.shape.reduce((a, b) => a * b, 1));
    expect(tensor?.data.every(Number.isFinite)).toBe(true);
  });

  it('widens F16 and BF16 exactly', () => {
    const file = fileOf(
      {
        h: { dtype: 'F16', shape: [7], data_offsets: [0, 14] },
        b: { dtype: 'BF16', shape: [2, 1], data_offsets: [14, 18] },
      },
      18,
    );
    const view = new DataView(file.buffer, file.byteLength - 18);
    [0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0x7e00, 0x8000].forEach((bits, i) => view.setUint16(2 * i, bits, true));
    [0x3f80, 0xc049].forEach((bits, i) => view.setUint16(14 + 2 * i, bits, true));
    const { tensors } = readSafetensors(file);
    expect([...(tensors.get('h')?.data ?? [])]).toEqual([1, -2, 2 ** -24, 65504, Infinity, NaN, -0]);
    expect(tensors.get('b')).toMatchObject({ shape: [2, 1], data: Float32Array.of(1, -3.140625) });
  });

  const entry = (changes: object): unknown => ({ t: { dtype: 'F32', shape: [2], data_offsets: [0, 8], ...changes } });
  it.each<[string, Uint8Array, string]>([
    ['an empty file', new Uint8Array(3), 'the file has 3 bytes'],
    ['a header longer than the file', fileOf({}, 0, 3n), 'the header says it has 3 bytes; the file has 10'],
    ['a huge header', fileOf({}, 0, 2n ** 63n), 'the header says it has 9223372036854775808 bytes'],
    ['no JSON', fileOf('{"t":'), 'the header is not JSON'],
    ['a list', fileOf('[]'), 'the header is not a JSON object'],
    ['an unknown dtype', fileOf(entry({ dtype: 'I64' }), 8), '"t": dtype "I64" is not one of F32, F16, BF16'],
    ['an inherited dtype', fileOf(entry({ dtype: 'constructor' }), 8), '"t": dtype "constructor"'],
    ['a negative size', fileOf(entry({ shape: [-2] }), 8), '"t": shape [-2] is not a list of sizes'],
    ['sizes that multiply beyond all numbers', fileOf(entry({ shape: [2 ** 52, 2 ** 52] }), 8), 'needs 8.1'],
    ['another count', fileOf(entry({ shape: [3] }), 8), '"t": shape [3] of F32 needs 12 bytes, it has 8'],
    ['offsets outside', fileOf(entry({ shape: [4], data_offsets: [0, 16] }), 8), 'bytes 0 to 16 do not lie in the 8'],
    ['offsets reversed', fileOf(entry({ data_offsets: [8, 0] }), 8), 'bytes 8 to 0 do not lie'],
    ['a gap', fileOf(entry({ data_offsets: [4, 12] }), 12), '"t" begins at byte 4, not at 0: a gap or overlap'],
    ['bytes left over', fileOf(entry({}), 9), 'the tensors have 8 bytes, the file has 9'],
    ['metadata that is no text', fileOf({ __metadata__: { a: 1 } }), '__metadata__ is not an object of texts'],
    ['no entry', fileOf({ t: null }), '"t": its entry is not an object'],
  ])('rejects %s', (_, file, message) => {
    expect(() => readSafetensors(file)).toThrow(SafetensorsError);
    expect(() => readSafetensors(file)).toThrow(message);
  });

  it('reads back what was written, wherever it lies in memory', () => {
    const tensor = fc
      .tuple(fc.string(), fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 3 }))
      .chain(([name, shape]) => {
        const length = shape.reduce((a, b) => a * b, 1);
        return fc.tuple(
          fc.constant(name),
          fc.record({ shape: fc.constant(shape), data: fc.float32Array({ minLength: length, maxLength: length }) }),
        );
      });
    const files = fc.uniqueArray(
      tensor.filter(([name]) => name !== '__metadata__'),
      { selector: ([name]) => name, maxLength: 5 },
    );
    fc.assert(
      fc.property(files, fc.integer({ min: 0, max: 7 }), (tensors, shift) => {
        const written = writeSafetensors(tensors, { format: 'pt' });
        const moved = new Uint8Array(written.length + shift);
        moved.set(written, shift);
        const read = readSafetensors(moved.subarray(shift));
        expect(read.metadata).toEqual({ format: 'pt' });
        expect(new Map([...read.tensors].map(([name, { shape, data }]) => [name, { shape, data }]))).toEqual(
          new Map(tensors),
        );
      }),
    );
  });

  it('survives any damage: reads it or rejects it with its own error', () => {
    const good = writeSafetensors([
      ['a', { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
      ['b', { shape: [1], data: Float32Array.of(7) }],
    ]);
    const damage = fc.tuple(
      fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 4 }),
      fc.integer({ min: 0, max: good.length }),
    );
    fc.assert(
      fc.property(damage, ([changes, length]) => {
        const file = good.slice();
        for (const [at, value] of changes) file[at] = value;
        try {
          readSafetensors(file.subarray(0, length));
        } catch (error) {
          expect(error).toBeInstanceOf(SafetensorsError);
        }
      }),
      { numRuns: 5000 },
    );
  });
});

it('does not write what it could not read', () => {
  const data = new Float32Array(3);
  expect(() => writeSafetensors([['t', { shape: [2], data }]])).toThrow('"t" has shape [2] and 3 elements');
  expect(() =>
    writeSafetensors([
      ['t', { shape: [3], data }],
      ['t', { shape: [3], data }],
    ]),
  ).toThrow('"t" is given twice');
});
