/**
 * Tokenizers and chat templates as models bring them, by transformers.js. Loaded only for models that need it; it reads
 * nothing from any address itself, the files are given.
 *
 * Text is data here. A model's special tokens, `<|im_end|>` and its like, are written by its chat template alone: the
 * library is given the names of added tokens behind a mark that no text can contain, and the mark is put into the
 * template's own words and nowhere else. So what looks like a special token in a problem or a message is read as the
 * characters it is made of, and nobody's text can end the message it stands in.
 */
import { PreTrainedTokenizer } from '@xenova/transformers';
import { type ModelConfig, ModelError } from './config.ts';
import { byteLevelBytes, metaspaceBytes } from './token-bytes.ts';
import type { TokenizerFiles, TokenizerJson } from './tokenizer-files.ts';
import type { Tokenizer } from './tokenizer.ts';

/** Noncharacters of Unicode, not for interchange: before the name of an added token, and in place of a user's message. */
const MARK = '\u{10fffe}';
const PLACE = '\u{10ffff}';
const NOTHING = new Uint8Array(0);

export class PretrainedTokenizer implements Tokenizer {
  readonly dropsFirstBlank: boolean;
  readonly #name: string;
  readonly #library: PreTrainedTokenizer;
  readonly #bytesOf: (token: string) => Uint8Array;
  readonly #tokens = new Map<number, string>();
  readonly #special = new Set<number>();
  readonly #added: RegExp | null;
  /** What begins a sequence, if anything. */
  readonly #begin: readonly number[];
  readonly #files: TokenizerFiles;
  #frame: Frame | null = null;

  /** Errors: ModelError for a tokenizer that cannot be run or does not belong to the model. */
  constructor(files: TokenizerFiles, model: Pick<ModelConfig, 'name' | 'vocabularySize' | 'bosId'>) {
    const { tokenizer, config } = files;
    this.#files = files;
    this.#name = model.name;
    const { bytesOf, dropsFirstBlank } = alphabetOf(tokenizer);
    this.#bytesOf = bytesOf;
    this.dropsFirstBlank = dropsFirstBlank;

    for (const [token, id] of Object.entries(tokenizer.model.vocab)) this.#tokens.set(id, token);
    const named = (config.additional_special_tokens ?? []).map(contentOf);
    for (const { id, content, special } of tokenizer.added_tokens) {
      this.#tokens.set(id, content);
      if (special || named.includes(content)) this.#special.add(id);
    }
    for (const id of this.#tokens.keys()) {
      if (id >= model.vocabularySize) {
        throw new ModelError(
          `tokenizer.json has a token ${id}; ${model.name} has ${model.vocabularySize} tokens: it is the tokenizer of another model.`,
        );
      }
    }
    const added = tokenizer.added_tokens.map(({ content }) => content).sort((a, b) => b.length - a.length);
    this.#added = added.length > 0 ? new RegExp(added.map(escape).join('|'), 'gu') : null;
    try {
      this.#library = new PreTrainedTokenizer(marked(tokenizer), config);
    } catch (error) {
      throw new ModelError(`tokenizer.json cannot be read: ${messageOf(error)}`);
    }
    const begins = config.add_bos_token ?? this.#ids('', true)[0] === model.bosId;
    this.#begin = begins ? [model.bosId] : [];
  }

  encode(text: string, chat: boolean): Uint32Array {
    const data = text.replaceAll(MARK, '\ufffd').replaceAll(PLACE, '\ufffd');
    if (chat) {
      const { before, after, trims } = (this.#frame ??= this.#readTemplate());
      return this.#ids(before + (trims ? data.trim() : data) + after, false);
    }
    return Uint32Array.from([...this.#begin, ...this.#ids(data, false)]);
  }

  bytes(id: number): Uint8Array {
    const token = this.#tokens.get(id);
    return token === undefined || this.#special.has(id) ? NOTHING : this.#bytesOf(token);
  }

  nameOf(id: number): string {
    return this.#tokens.get(id) ?? `⟨${id}⟩`;
  }

  /** Errors: ModelError where the files say what the library cannot do; it looks only when a text is there. */
  #ids(text: string, addSpecialTokens: boolean): Uint32Array {
    try {
      return Uint32Array.from(this.#library.encode(text, { add_special_tokens: addSpecialTokens }));
    } catch (error) {
      throw new ModelError(`tokenizer.json cannot be used: ${messageOf(error)}`);
    }
  }

  /** Errors: ModelError for a folder without a chat template, or with one that cannot be used. */
  #readTemplate(): Frame {
    if (!this.#files.config.chat_template) {
      throw new ModelError(
        `${this.#name} has no chat template: choose a model that was trained on instructions, or set the field "prompt" to "compact".`,
      );
    }
    const parts = this.#render(PLACE).split(PLACE);
    if (parts.length !== 2) {
      throw new ModelError(
        `${this.#name}: the chat template has a user's message ${parts.length - 1} times; it must be there once.`,
      );
    }
    const mark = (part: string) => (this.#added ? part.replace(this.#added, (token) => MARK + token) : part);
    const trims = this.#render(` ${PLACE} `) === parts.join(PLACE);
    return { before: mark(parts[0]!), after: mark(parts[1]!), trims };
  }

  #render(content: string): string {
    try {
      return this.#library.apply_chat_template([{ role: 'user', content }], {
        tokenize: false,
        add_generation_prompt: true,
        // Qwen3 and others think aloud for hundreds of tokens otherwise.
        enable_thinking: false,
        // Llama 3.2 tells the date, and a run would depend on the day; this is the one its template falls back to.
        date_string: '26 Jul 2024',
      } as Parameters<PreTrainedTokenizer['apply_chat_template']>[1]) as unknown as string;
    } catch (error) {
      throw new ModelError(`${this.#name}: the chat template cannot be used: ${messageOf(error)}`);
    }
  }
}

/** What a chat template puts around a user's message, with marks. */
interface Frame {
  before: string;
  after: string;
  /** Whether it drops blanks around the message. */
  trims: boolean;
}

/** The tokenizer with a mark before the names of its added tokens. */
function marked(json: TokenizerJson): TokenizerJson {
  const rename = (processor: unknown): unknown => {
    if (typeof processor !== 'object' || processor === null) return processor;
    const { processors, single } = processor as {
      processors?: unknown[];
      single?: { SpecialToken?: { id: string } }[];
    };
    return {
      ...processor,
      ...(Array.isArray(processors) && { processors: processors.map(rename) }),
      ...(Array.isArray(single) && {
        single: single.map((item) =>
          item.SpecialToken ? { SpecialToken: { ...item.SpecialToken, id: MARK + item.SpecialToken.id } } : item,
        ),
      }),
    };
  };
  return {
    ...json,
    added_tokens: json.added_tokens.map((token) => ({ ...token, content: MARK + token.content })),
    post_processor: rename(json.post_processor) as TokenizerJson['post_processor'],
  };
}

interface Part {
  type: string;
  start?: number;
}

interface Alphabet {
  bytesOf: (token: string) => Uint8Array;
  dropsFirstBlank: boolean;
}

function alphabetOf({ decoder }: TokenizerJson): Alphabet {
  const parts = decoder?.type === 'Sequence' ? (decoder['decoders'] as Part[]) : [decoder as Part | null];
  const types = parts.map((part) => part?.type);
  if (types.includes('ByteLevel')) return { bytesOf: byteLevelBytes, dropsFirstBlank: false };
  if (types.includes('ByteFallback') || types.includes('Metaspace')) {
    const strips = parts.some(
      (part) => part?.type === 'Metaspace' || (part?.type === 'Strip' && (part.start ?? 0) > 0),
    );
    return { bytesOf: metaspaceBytes, dropsFirstBlank: strips };
  }
  throw new ModelError(
    `tokenizer.json: the decoder is ${types.map((type) => type ?? 'missing').join(', ')}; it must be ByteLevel, ByteFallback or Metaspace.`,
  );
}

const contentOf = (token: string | { content: string }): string => (typeof token === 'string' ? token : token.content);
const escape = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').slice(0, 200);
