/** Shapes of models that people download, and small ones with everything that is awkward about each architecture. */

export interface Shape {
  architecture: 'llama' | 'qwen2' | 'qwen3';
  hidden: number;
  layers: number;
  heads: number;
  kvHeads: number;
  head: number;
  ffn: number;
  vocabulary: number;
  theta: number;
  epsilon: number;
  tied: boolean;
  context: number;
  /** Llama 3's: factor, low and high frequency factors, context of the unscaled model. */
  scaling?: { factor: number; low: number; high: number; original: number };
}

export const SHAPES = {
  'qwen2.5-0.5b': {
    ...{ architecture: 'qwen2', hidden: 896, layers: 24, heads: 14, kvHeads: 2, head: 64, ffn: 4864 },
    ...{ vocabulary: 151_936, theta: 1e6, epsilon: 1e-6, tied: true, context: 4096 },
  },
  'tinyllama-1.1b': {
    ...{ architecture: 'llama', hidden: 2048, layers: 22, heads: 32, kvHeads: 4, head: 64, ffn: 5632 },
    ...{ vocabulary: 32_000, theta: 1e4, epsilon: 1e-5, tied: false, context: 2048 },
  },
  'tiny-llama': {
    ...{ architecture: 'llama', hidden: 64, layers: 2, heads: 4, kvHeads: 2, head: 16, ffn: 96 },
    ...{ vocabulary: 211, theta: 1e4, epsilon: 1e-5, tied: false, context: 512 },
    scaling: { factor: 8, low: 1, high: 4, original: 64 },
  },
  'tiny-qwen2': {
    ...{ architecture: 'qwen2', hidden: 96, layers: 2, heads: 6, kvHeads: 2, head: 16, ffn: 160 },
    ...{ vocabulary: 320, theta: 1e6, epsilon: 1e-6, tied: true, context: 512 },
  },
  'tiny-qwen3': {
    ...{ architecture: 'qwen3', hidden: 64, layers: 2, heads: 4, kvHeads: 2, head: 32, ffn: 128 },
    ...{ vocabulary: 256, theta: 1e6, epsilon: 1e-6, tied: true, context: 512 },
  },
} satisfies Record<string, Shape>;

export type ShapeName = keyof typeof SHAPES;

/** A tensor of the model: a matrix [rows, cols], which is quantised, or a vector [rows]. */
export interface TensorShape {
  name: string;
  rows: number;
  /** Null for a vector. */
  cols: number | null;
}

/** MLC's tensors in the order it writes them: q, k and v in one, gate and up in one. */
export function tensorsOf(shape: Shape): TensorShape[] {
  const { hidden, heads, kvHeads, head, ffn, vocabulary, architecture } = shape;
  const qkv = (heads + 2 * kvHeads) * head;
  const matrix = (name: string, rows: number, cols: number): TensorShape => ({ name, rows, cols });
  const vector = (name: string, rows: number): TensorShape => ({ name, rows, cols: null });
  const layers = Array.from({ length: shape.layers }, (_, i): TensorShape[] => {
    const block = `model.layers.${i}`;
    const fused = `${block}.self_attn.${architecture === 'llama' ? 'qkv_proj' : 'c_attn'}`;
    const norms = ['q_norm', 'k_norm'].map((name) => vector(`${block}.self_attn.${name}.weight`, head));
    return [
      vector(`${block}.input_layernorm.weight`, hidden),
      matrix(`${block}.mlp.down_proj`, hidden, ffn),
      matrix(`${block}.mlp.gate_up_proj`, 2 * ffn, hidden),
      vector(`${block}.post_attention_layernorm.weight`, hidden),
      ...(architecture === 'qwen2' ? [vector(`${fused}.bias`, qkv)] : []),
      matrix(fused, qkv, hidden),
      matrix(`${block}.self_attn.o_proj`, hidden, heads * head),
      ...(architecture === 'qwen3' ? norms : []),
    ];
  });
  return [
    ...(shape.tied ? [] : [matrix('lm_head', vocabulary, hidden)]),
    matrix('model.embed_tokens', vocabulary, hidden),
    ...layers.flat(),
    vector('model.norm.weight', hidden),
  ];
}

/** `mlc-chat-config.json`, as MLC writes it. */
export function chatConfig(shape: Shape): object {
  const { architecture, scaling, context } = shape;
  return {
    model_type: architecture,
    quantization: 'q4f32_1',
    model_config: {
      hidden_act: 'silu',
      hidden_size: shape.hidden,
      intermediate_size: shape.ffn,
      num_hidden_layers: shape.layers,
      num_attention_heads: shape.heads,
      num_key_value_heads: shape.kvHeads,
      head_dim: shape.head,
      vocab_size: shape.vocabulary,
      rms_norm_eps: shape.epsilon,
      [architecture === 'llama' ? 'position_embedding_base' : 'rope_theta']: shape.theta,
      ...(scaling && {
        rope_scaling: {
          rope_type: 'llama3',
          factor: scaling.factor,
          low_freq_factor: scaling.low,
          high_freq_factor: scaling.high,
          original_max_position_embeddings: scaling.original,
        },
      }),
      tie_word_embeddings: shape.tied,
      context_window_size: context,
    },
    context_window_size: context,
    bos_token_id: 1,
    eos_token_id: 2,
    pad_token_id: 0,
    tokenizer_files: [],
  };
}
