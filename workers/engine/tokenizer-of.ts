/** The tokenizer of a model that has been looked at. */
import { type ModelConfig, ModelError } from './config.ts';
import { readTokenizerFiles } from './tokenizer-files.ts';
import { CharacterTokenizer, NoTokenizer, type Tokenizer } from './tokenizer.ts';
import type { ModelFiles } from './weights/files.ts';

/**
 * Built-in models' tokens are the 128 characters. Others bring a tokenizer, which is loaded with its library; without one
 * they can be scored by token id, and read no text.
 */
export async function tokenizerOf(config: ModelConfig, files: ModelFiles): Promise<Tokenizer> {
  if (config.vocabularySize === 128) return new CharacterTokenizer(config.bosId);
  try {
    const own = await readTokenizerFiles(files);
    if (!own) return new NoTokenizer(`${config.name} has no tokenizer.json, so it can read no text.`);
    const { PretrainedTokenizer } = await import('./pretrained.ts');
    return new PretrainedTokenizer(own, config);
  } catch (error) {
    // What is kept of it may be damaged: the next try asks the server.
    if (error instanceof ModelError) await files.unsettle();
    throw error;
  }
}
