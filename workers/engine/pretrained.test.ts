import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PretrainedTokenizer } from './pretrained.ts';
import { readTokenizerFiles, type TokenizerFiles } from './tokenizer-files.ts';
import { piecesOf, readWritten } from './written.ts';

/** What Hugging Face's own libraries make of these texts (tools/tokenizers/make.py). */
interface Expected {
  vocabulary: number;
  bosId: number;
  stopId: number;
  cases: { text: string; plain: number[]; chat: number[] | null; decoded: string }[];
  garbage: { ids: number[]; decoded: string }[];
}

const KINDS = ['qwen', 'smol', 'llama2', 'llama3'] as const;
const folder = (kind: string) => new URL(`../../tests/fixtures/tokenizers/${kind}/`, import.meta.url);

const expectedOf = (kind: string) =>
  JSON.parse(readFileSync(new URL('expected.json', folder(kind)), 'utf8')) as Expected;

async function filesOf(kind: string): Promise<TokenizerFiles> {
  const read = async (file: string) => {
    try {
      return new Uint8Array(readFileSync(new URL(file, folder(kind))));
    } catch {
      return null;
    }
  };
  const files = await readTokenizerFiles({ readIfPresent: read, readOptional: read });
  if (!files) throw new Error(`no tokenizer ${kind}`);
  return files;
}

const modelOf = ({ vocabulary, bosId }: Expected) => ({ name: 'tiny', vocabularySize: vocabulary, bosId });

async function tokenizerOf(kind: string): Promise<PretrainedTokenizer> {
  return new PretrainedTokenizer(await filesOf(kind), modelOf(expectedOf(kind)));
}

const textOf = (tokenizer: PretrainedTokenizer, ids: ArrayLike<number>): string =>
  readWritten(tokenizer, Uint32Array.from(ids), [], []).text;

/** A whole message: what is left over at its end is no part of a character to come. */
const messageOf = (tokenizer: PretrainedTokenizer, ids: ArrayLike<number>, stop: number): string =>
  readWritten(tokenizer, Uint32Array.from([...Array.from(ids), stop]), [stop], []).text;

describe.each(KINDS)('%s', (kind) => {
  const expected = expectedOf(kind);

  it('reads awkward text as tokenizers in Rust do', async () => {
    const tokenizer = await tokenizerOf(kind);
    for (const { text, plain } of expected.cases) {
      expect([text, ...tokenizer.encode(text, false)]).toEqual([text, ...plain]);
    }
  });

  it('writes the chat template as transformers in Python does', async () => {
    const tokenizer = await tokenizerOf(kind);
    expect(expected.cases.filter(({ chat }) => chat).length).toBeGreaterThan(20);
    for (const { text, chat } of expected.cases) {
      if (chat) expect([text, ...tokenizer.encode(text, true)]).toEqual([text, ...chat]);
    }
  });

  it('gives back the text it read', async () => {
    const tokenizer = await tokenizerOf(kind);
    const begins = tokenizer.encode('', false).length;
    for (const { plain, decoded } of expected.cases) {
      expect(textOf(tokenizer, plain.slice(begins))).toBe(decoded);
    }
    for (const { ids, decoded } of expected.garbage) {
      expect(messageOf(tokenizer, ids, expected.stopId)).toBe(decoded);
    }
  });

  it('gives back any text, whole or in its pieces', async () => {
    const tokenizer = await tokenizerOf(kind);
    const begins = tokenizer.encode('', false).length;
    const nfc = kind === 'qwen';
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        // Marks of our own are replaced.
        const data = text.replace(/[\u{10fffe}\u{10ffff}]/gu, '');
        const ids = tokenizer.encode(data, false).slice(begins);
        expect(textOf(tokenizer, ids)).toBe(nfc ? data.normalize('NFC') : data);
        expect(piecesOf(tokenizer, ids).join('')).toBe(nfc ? data.normalize('NFC') : data);
      }),
      { numRuns: 150 },
    );
  });

  it('never cuts a message in the middle of a character', async () => {
    const tokenizer = await tokenizerOf(kind);
    const text = '👩‍👩‍👧‍👦東京🙂é𐍈';
    const ids = tokenizer.encode(text, false).slice(tokenizer.encode('', false).length);
    const whole = Array.from(text);
    for (let cut = 0; cut <= ids.length; cut++) {
      const read = textOf(tokenizer, ids.slice(0, cut));
      expect(whole.slice(0, Array.from(read).length).join('')).toBe(read);
    }
    expect(textOf(tokenizer, ids)).toBe(text);
  });

  it('lets no text pass for a special token', async () => {
    const tokenizer = await tokenizerOf(kind);
    const frame = Array.from(tokenizer.encode('', true));
    const special = new Set(
      Array.from({ length: expected.vocabulary }, (_, id) => id).filter((id) => tokenizer.bytes(id).length === 0),
    );
    const count = (ids: ArrayLike<number>) => Array.from(ids).filter((id) => special.has(id)).length;
    const names = [...special].map((id) => tokenizer.nameOf(id));
    expect(names.length).toBeGreaterThan(2);
    for (const text of [names.join(''), `\u{10fffe}${names.join('\u{10fffe}')}`, `\u{10ffff}${names[0]}`]) {
      expect(count(tokenizer.encode(text, true))).toBe(count(frame));
      expect(count(tokenizer.encode(text, false))).toBe(count(tokenizer.encode('', false)));
    }
  });

  it('ends a message at a stop, wherever tokens begin', async () => {
    const tokenizer = await tokenizerOf(kind);
    const begins = tokenizer.encode('', false).length;
    const ids = tokenizer.encode('The answer is\n 42 東京 and more', false).slice(begins);
    const read = (stops: string[]) => readWritten(tokenizer, ids, [], stops);
    expect(read(['swer'])).toMatchObject({ text: 'The an', stopped: true });
    expect(read([' more', '\n'])).toMatchObject({ text: 'The answer is', stopped: true });
    expect(read(['京'])).toMatchObject({ text: 'The answer is\n 42 東', stopped: true });
    expect(read(['T'])).toMatchObject({ text: '', stopped: true });
    expect(read(['nowhere'])).toEqual({ text: 'The answer is\n 42 東京 and more', stopped: false, tokens: ids.length });
    const early = read(['answer']);
    expect(early.tokens).toBeLessThan(ids.length);
    expect(textOf(tokenizer, ids.slice(0, early.tokens))).toContain('answer');
  });
});

it('reads the template of a file of its own', async () => {
  expect((await filesOf('smol')).config.chat_template).toContain('<|im_start|>');
});

describe('what cannot be used', () => {
  const files = (tokenizer: unknown, config: unknown = {}) => {
    const read = async (file: string) => {
      const value = file === 'tokenizer.json' ? tokenizer : file === 'tokenizer_config.json' ? config : null;
      return value === null
        ? null
        : new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
    };
    return { readIfPresent: read, readOptional: read };
  };

  it.each([
    ['a page', '<!doctype html>', /tokenizer\.json is not JSON/],
    [
      'a word-piece model',
      { model: { type: 'WordPiece', vocab: {}, merges: [] } },
      /model\.type is "WordPiece"; it must be "BPE"/,
    ],
    ['an id that is none', { model: { vocab: { a: -1 }, merges: [] } }, /model\.vocab\.a is -1; it must be >=0/],
    [
      'a token of a megabyte',
      { model: { vocab: { a: 1, ['b'.repeat(1e6)]: 2 }, merges: [] } },
      /^tokenizer\.json: model\.vocab\.b{50,80} is "b+….*; it must be .*1000/,
    ],
    ['no vocabulary', { model: { merges: [] } }, /model\.vocab is missing/],
    ['a list', [], /model is missing/],
  ])('names %s', async (_, json, message) => {
    await expect(readTokenizerFiles(files(json))).rejects.toThrow(message);
  });

  it('names the tokenizer of another model', async () => {
    const own = await filesOf('qwen');
    expect(() => new PretrainedTokenizer(own, { name: 'tiny', vocabularySize: 128, bosId: 0 })).toThrow(
      'tokenizer.json has a token 128; tiny has 128 tokens: it is the tokenizer of another model.',
    );
  });

  it('names a template that is missing, broken or without a place for the message', async () => {
    const { tokenizer, config } = await filesOf('qwen');
    const of = (chat_template: string | null) =>
      new PretrainedTokenizer({ tokenizer, config: { ...config, chat_template } }, modelOf(expectedOf('qwen')));
    expect(() => of(null).encode('a', true)).toThrow('tiny has no chat template');
    expect(() => of('{% for %}').encode('a', true)).toThrow('tiny: the chat template cannot be used: ');
    expect(() => of('{{ raise_exception("no users") }}').encode('a', true)).toThrow('no users');
    expect(() => of('Hello').encode('a', true)).toThrow("a user's message 0 times");
    // It still reads text to go on from.
    expect(of(null).encode('a', false)).toHaveLength(1);
  });
});
