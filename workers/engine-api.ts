/**
 * The types of everything that crosses the boundary between a page (or a command line) and an engine.
 *
 * Two rules keep the boundary simple. The caller never holds a token, a weight it has to understand, or a gradient:
 * what crosses is text, numbers and handles. The engine never knows a task, a reward or the graph: it knows nodes
 * (adapters on one shared frozen base), prompts and advantages.
 *
 * `EngineApi` is implemented by the WebGPU engine, by the reference engine, by the Comlink remote of an engine worker
 * and by the pool that spreads nodes over several workers, so a trainer cannot tell them apart.
 */

export type EngineKind = 'webgpu' | 'reference';
export type EngineChoice = 'auto' | EngineKind;

/** What computes, in words a user can be shown. */
export interface AdapterInfo {
  engine: EngineKind;
  vendor: string;
  architecture: string;
  description: string;
  /** `vulkan`, `metal`, `d3d12`, `browser` (not told) or `javascript`. */
  backend: string;
  /** True when the "GPU" is a CPU rendering in software, or when there is none. */
  software: boolean;
  /** Optional WebGPU features in use, for example `shader-f16`. */
  features: string[];
  /** On WebGPU: the matrix products that compute, for example `decode subgroups` (docs/performance.md). */
  products?: string[];
  /** Why `auto` took the reference engine, in one sentence; absent when it did not. */
  fallbackReason?: string;
}

export interface ModelInfo {
  /** Of a built-in model, or the last part of the folder's address. */
  name: string;
  quantization: string;
  layers: number;
  hiddenSize: number;
  heads: number;
  kvHeads: number;
  headSize: number;
  intermediateSize: number;
  vocabularySize: number;
  /** Longest prompt plus message, in tokens. */
  contextLength: number;
  parameters: number;
  /** Size of the packed weights, in bytes. */
  bytes: number;
}

export interface EngineInfo {
  adapter: AdapterInfo;
  model: ModelInfo;
}

export interface LoadProgress {
  /** What is being waited for, in a few words a user can read. */
  phase: LoadPhase;
  loadedBytes: number;
  totalBytes: number;
  /** At the pace of the last seconds, where that can be told. */
  secondsLeft?: number;
}

export type LoadPhase =
  | 'waiting for another tab, which downloads the model'
  | 'downloading the model'
  | 'downloading the judge'
  | 'checking the model'
  | 'compiling shaders'
  | 'ready';

/** Bits that a weight of a Hugging Face model is kept in; with `f16`, bf16 stays as it is. */
export type Quantization = 'q4' | 'q8' | 'f16';

export interface EngineOptions {
  /**
   * Address of a model folder, absolute, with or without a trailing slash: MLC's (`mlc-chat-config.json`,
   * `tensor-cache.json`, shards) or Hugging Face's (`config.json`, safetensors).
   */
  model: string;
  engine: EngineChoice;
  /** Of a Hugging Face folder; an MLC folder says itself. Default: q4. */
  quantization?: Quantization | undefined;
  /** Keep what is downloaded for the next time, where there is such a place. Default: true. */
  keep?: boolean | undefined;
}

/** A node: one LoRA adapter on the shared base. */
export interface NodeConfig {
  /** Unique among the engine's nodes; the place in the network, for example `1.0`. */
  id: string;
  /** Names the node to the random generator (u32): the same key draws the same numbers on any worker. */
  key: number;
  /** LoRA rank, 1 to 64. */
  rank: number;
  /** LoRA alpha; the adapter's output is scaled by alpha / rank. */
  alpha: number;
  /** Seed (u32) of the initial A; B starts at zero, so a new node equals the base. */
  seed: number;
  /** Another model writes its messages. Only an engine made with `withHelpers` takes such nodes; others never see them. */
  helper?: HelperConfig;
}

/** Where a helper's messages come from; `src/graph/helper.ts` has the schema. */
export interface HelperConfig {
  backend: 'endpoint' | 'web-llm';
  model: string;
  url?: string | undefined;
  prompt: 'chat' | 'compact';
  concurrency: number;
}

export interface Sampling {
  /** 0 is greedy. */
  temperature: number;
  /** 0 keeps all tokens. */
  topK: number;
  /** 1 keeps all tokens. */
  topP: number;
  maxNewTokens: number;
  /** Texts that end a message, besides the model's own stop tokens. A message is cut right before the first of them. */
  stop?: string[] | undefined;
  /** Rows that are written at once (default: all of the request). Less is less memory, and the same messages. */
  microBatch?: number | undefined;
}

/** The prompts one node reads in a batch. */
export interface NodePrompts {
  /** `NodeConfig.id` */
  node: string;
  prompts: string[];
  /** One u32 a prompt: names the row to the random generator (problem × samples + sample). Unique in a step and node. */
  rows: number[];
}

export interface GenerateRequest {
  /** Seed (u32) of the run. */
  seed: number;
  /** Step (u32) of the run; the generator is keyed by (seed, step, node key, row, position), never by the batch. */
  step: number;
  sampling: Sampling;
  /**
   * Each prompt is one user message in the model's own chat template (thinking turned off where it can be). Without it a
   * prompt is text to go on from, after what begins a sequence. Either way it is data: what looks like a special token in
   * it is read as the characters it is made of.
   */
  chat?: boolean;
  nodes: NodePrompts[];
  /** Keep what `update` needs, under the handle that is returned. A kept rollout must be updated or released. */
  keep: boolean;
  /** Also return each message token by token. */
  details: boolean;
}

export interface Message {
  /** Without the stop token. */
  text: string;
  /** Tokens written, the stop token included; 0 where a helper does not tell. */
  tokens: number;
  /** False when the message was cut at the token limit. */
  stopped: boolean;
  /** Sum over the message's tokens of log π(token), natural logarithm, at the sampling temperature (greedy: at temperature 1). Null where a helper does not tell. */
  logProb: number | null;
  /** With `details`: the message token by token, the stop token included as its text. */
  pieces?: { text: string; logProb: number }[];
}

export interface GenerateResult {
  /** Handle of the kept rollout, or null. */
  rollout: number | null;
  /** In the order of the request's nodes; `messages[i]` answers `prompts[i]`. */
  nodes: { node: string; messages: Message[] }[];
  /** Prompt tokens after identical prompts were merged, and tokens written. */
  tokens: { prompt: number; message: number };
  /** Wall time in seconds, by part; parts that an engine cannot tell apart are reported together under `decode`. */
  seconds: Record<string, number>;
}

export interface LossOptions {
  /** Weight β of the exact KL(π ‖ base), in nats per token. */
  klBeta: number;
  /** Weight of the entropy bonus (subtracted from the loss). */
  entropyBeta: number;
  /** The loss of a node is divided by rows × lossTokens, a constant: never by message length or by the number of nodes. */
  lossTokens: number;
  /** Temperature of the policy the loss is about: the sampling temperature (0, greedy, counts as 1). */
  temperature: number;
}

export interface AdamOptions {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  /** The gradient of each node is scaled down to this 2-norm. */
  clipNorm: number;
}

export interface UpdateRequest {
  /** Kept rollouts, usually one a layer. They are released, whatever happens. */
  rollouts: number[];
  /** Advantages in the order of each node's prompts (over all rollouts, in their order). A node left out is not updated. */
  nodes: { node: string; advantages: Float32Array }[];
  loss: LossOptions;
  adam: AdamOptions;
  /** Rows that are computed at once; their gradients add up (default: all). Less is less memory, and the same result. */
  microBatch?: number | undefined;
  /** On WebGPU: backward computes every layer once more instead of keeping what it needs. Less memory, the same result. */
  recompute?: boolean | undefined;
}

/** What an update did to one node. Means are over the node's message tokens. */
export interface NodeUpdate {
  node: string;
  loss: number;
  /** Mean KL(π ‖ base) in nats. */
  kl: number;
  /** Mean entropy of π in nats. */
  entropy: number;
  /** 2-norm of the gradient before clipping. */
  gradNorm: number;
  /** Message tokens in the loss. */
  tokens: number;
  /** 2-norm of scale · B A over all projections, relative to that of the base weights it is added to. */
  change: number;
}

export interface UpdateResult {
  nodes: NodeUpdate[];
  seconds: Record<string, number>;
}

/** One tensor inside the flat arrays of an `AdapterState`. */
export interface AdapterTensor {
  /** PEFT name without its `base_model.model.` prefix: `model.layers.0.self_attn.q_proj.lora_A.weight`. */
  name: string;
  /** lora_A is [rank, in], lora_B is [out, rank], row-major. */
  shape: [number, number];
  /** First element in the flat arrays. */
  offset: number;
}

/** All that a node has learned. Cheap to transfer; opaque to everything but storage. */
export interface AdapterState {
  node: string;
  rank: number;
  alpha: number;
  /** Updates applied, for Adam's bias correction. */
  updates: number;
  weights: Float32Array;
  /** Adam's first and second moments, laid out as `weights`. */
  m: Float32Array;
  v: Float32Array;
  tensors: AdapterTensor[];
}

export interface ScoreRequest {
  /** Token ids (for tools and tests; the page never has any). */
  ids: number[];
  /** A node's id, or null for the base alone. */
  node: string | null;
}

export interface EngineApi {
  /** What loaded, and what computes. */
  info(): Promise<EngineInfo>;
  /** Adds a node, fresh or with the state of an earlier one. Errors: an id in use, a rank outside 1–64, a state of another shape. */
  addNode(config: NodeConfig, state?: AdapterState): Promise<void>;
  removeNode(id: string): Promise<void>;
  /** The signal ends what helpers are waiting for; an engine itself is not interrupted. */
  generate(request: GenerateRequest, signal?: AbortSignal): Promise<GenerateResult>;
  /** A logit, loss or gradient that is not finite is a NonFiniteError, from `generate` too; no node is updated then. */
  update(request: UpdateRequest): Promise<UpdateResult>;
  /** Forgets a kept rollout. */
  release(rollout: number): Promise<void>;
  /** The states of the named nodes, copied. */
  exportNodes(ids: string[]): Promise<AdapterState[]>;
  /** Replaces a node's state. */
  importNode(id: string, state: AdapterState): Promise<void>;
  /** Logits [ids.length, vocabulary], row-major. */
  score(request: ScoreRequest): Promise<Float32Array>;
  /** Frees everything. */
  destroy(): Promise<void>;
}

/** What an engine worker exposes: an engine that has to be loaded first. */
export interface EngineWorkerApi extends EngineApi {
  /** Takes a Web Lock and keeps it while the worker lives; false where there are no locks. Whoever gets it next knows. */
  holdLock(name: string): Promise<boolean>;
  load(options: EngineOptions, onProgress?: (progress: LoadProgress) => void): Promise<EngineInfo>;
}

/** A folder of which files are kept in this browser, by this program or by web-llm. */
export interface KeptModel {
  /** Address of the folder, with a slash at the end. */
  url: string;
  bytes: number;
  /** False where a download was interrupted: it goes on from there. */
  whole: boolean;
}

/** What a model would take, known before any weight is downloaded. */
export interface ModelPlan {
  name: string;
  format: 'mlc' | 'safetensors';
  /** `llama`, `qwen2` or `qwen3`. */
  architecture: string;
  /** How the weights lie in the memory, for example `q4f16_1`. */
  quantization: string;
  parameters: number;
  contextLength: number;
  /** Bytes of its large files, and how many of them are kept here already. */
  downloadBytes: number;
  keptBytes: number;
  /** Bytes that can still be kept (Infinity where that is not known), and how many are wanting. */
  freeBytes: number;
  shortBytes: number;
  /** Bytes of its weights in the memory. */
  memoryBytes: number;
}

/** How much a run computes at once, as far as memory depends on it. */
export interface RunLoad {
  /** Layers of the network: nodes that learn, and whether any of them hears others. */
  layers: { nodes: number; hears: boolean }[];
  /** LoRA rank of every node. */
  rank: number;
  /** Longest prompt and longest message, in tokens. */
  prompt: number;
  message: number;
  /** Rollouts of a step, all problems together, and of one problem. */
  rows: number;
  samples: number;
  /** Problems of an evaluation that are asked at once. */
  evaluated: number;
  /** Rows written at once, rows trained on at once (default: all), and whether layers are computed twice. */
  writeBatch?: number | undefined;
  microBatch?: number | undefined;
  recompute?: boolean | undefined;
}

export interface MemoryPart {
  /** In words a user can read. */
  name: string;
  bytes: number;
}

/** GPU memory of a run at most. */
export interface MemoryEstimate {
  parts: MemoryPart[];
  total: number;
  /** The largest single buffer: a device limits that too. */
  largest: MemoryPart;
}

/** A run whose memory is asked for, before its model is there. */
export interface RunQuestion {
  /** All but the longest prompt, which is counted in the model's own tokens. */
  load: Omit<RunLoad, 'prompt'>;
  /** Prompts with nothing heard, and how many messages come on top. */
  prompts: { text: string; heard: number }[];
  chat: boolean;
}

/** What a run may take, in bytes. */
export interface MemoryLimits {
  /** Of all buffers together. */
  total: number;
  /** Of one buffer: what the device binds at once. */
  buffer: number;
  /** How an engine on that device stores keys and values. Default: f32. */
  kv?: 'f32' | 'f16';
}

/** Settings with which a run fits. */
export type MemoryProposal = Pick<RunLoad, 'writeBatch' | 'microBatch' | 'recompute' | 'message'> & { total: number };

export interface RunMemory {
  estimate: MemoryEstimate;
  limits: MemoryLimits;
  /** Longest prompt, in tokens. */
  prompt: number;
  fits: boolean;
  /** Where it does not fit and something smaller does. */
  proposal: MemoryProposal | null;
}

/** What a models worker exposes: the files of models, without an engine. */
export interface ModelsWorkerApi {
  /** All folders of which something is kept. */
  kept(): Promise<KeptModel[]>;
  /** Forgets all files of a folder; the bytes that frees. */
  remove(url: string): Promise<number>;
  /** Reads what a folder says of its model. Errors: ModelError for one that is not there, or cannot be run. */
  inspect(options: Pick<EngineOptions, 'model' | 'quantization'>): Promise<ModelPlan>;
  /**
   * What a run would take of this GPU's memory, of which it may use `total` bytes; null where it would not be computed on
   * one. Errors: ModelError.
   */
  memory(
    options: Pick<EngineOptions, 'model' | 'quantization' | 'engine'>,
    question: RunQuestion,
    total: number,
  ): Promise<RunMemory | null>;
}

/** What a frozen worker exposes: one model of web-llm, which writes and never learns. */
export interface FrozenWorkerApi {
  /**
   * Downloads and loads a model, by its name in web-llm's list. Errors: one line on what is wrong: no such model, no WebGPU,
   * a feature that the GPU lacks, a download that failed.
   */
  load(model: string): Promise<void>;
  /** One message; web-llm writes one at a time. */
  write(request: FrozenRequest): Promise<{ message: Message; promptTokens: number }>;
  /** Ends the message under way where it is. */
  interrupt(): Promise<void>;
}

export interface FrozenRequest {
  /** The user's message in the model's own chat template. */
  prompt: string;
  /** u32 */
  seed: number;
  sampling: Sampling;
  /** Texts that end the message. */
  stop: readonly string[];
  /** Also the probability of every token. */
  details: boolean;
}
