import { CreateMLCEngine, type MLCEngine, prebuiltAppConfig } from '@mlc-ai/web-llm';
import { expose } from 'comlink';
import type { FrozenRequest, FrozenWorkerApi, Message } from './engine-api.ts';

let engine: MLCEngine | undefined;

const api: FrozenWorkerApi = {
  async load(model) {
    const record = prebuiltAppConfig.model_list.find(({ model_id }) => model_id === model);
    if (!record) throw new Error(`web-llm has no model of that name; ${similar(model)}`);
    // Before a gigabyte is downloaded.
    const adapter = await (navigator as { gpu?: GPU }).gpu?.requestAdapter({ powerPreference: 'high-performance' });
    if (!adapter) throw new Error('this browser gives the page no GPU (WebGPU), which web-llm needs');
    const lacking = record.required_features?.find((feature) => !adapter.features.has(feature));
    if (lacking !== undefined) {
      throw new Error(`the GPU lacks ${lacking}, which this model needs; take one whose name has q4f32_1`);
    }
    try {
      engine = await CreateMLCEngine(model, { logLevel: 'SILENT' });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`web-llm could not load it (${why})`, { cause: error });
    }
  },
  async write(request) {
    if (!engine) throw new Error('no model is loaded: call load first, and wait for it');
    const { choices, usage } = await engine.chat.completions.create(completionOf(request));
    const [choice] = choices;
    if (!choice) throw new Error('web-llm wrote no message');
    return { message: messageOf(choice, usage?.completion_tokens ?? 0), promptTokens: usage?.prompt_tokens ?? 0 };
  },
  async interrupt() {
    await engine?.interruptGenerate();
  },
};

expose(api);

function completionOf({ prompt, seed, sampling, stop, details }: FrozenRequest) {
  return {
    messages: [{ role: 'user' as const, content: prompt }],
    max_tokens: sampling.maxNewTokens,
    temperature: sampling.temperature,
    top_p: sampling.topP,
    stop: [...stop],
    // It takes a signed number.
    seed: seed >>> 1,
    logprobs: details,
  };
}

interface Choice {
  finish_reason: string | null;
  message: { content: string | null };
  logprobs?: { content?: { token: string; logprob: number }[] | null } | null;
}

function messageOf({ finish_reason, message, logprobs }: Choice, tokens: number): Message {
  const pieces = logprobs?.content?.map(({ token, logprob }) => ({ text: token, logProb: logprob }));
  return {
    text: message.content ?? '',
    tokens,
    stopped: finish_reason !== 'length',
    logProb: pieces ? pieces.reduce((sum, { logProb }) => sum + logProb, 0) : null,
    ...(pieces && { pieces }),
  };
}

/** Names with the most words of the one that is asked for. */
function similar(model: string): string {
  const words = model.toLowerCase().split(/[^a-z0-9.]+/);
  const named = prebuiltAppConfig.model_list.map(({ model_id }) => {
    const known = model_id.toLowerCase();
    return { model_id, common: words.filter((word) => word && known.includes(word)).length };
  });
  const best = named.sort((a, b) => b.common - a.common).slice(0, 3);
  return `it has ${named.length}, for example ${best.map(({ model_id }) => model_id).join(', ')}`;
}
