// Sizes of the batch at hand. `tokens` is a multiple of 8.
struct Dims {
  tokens: u32,
  tiles: u32,
  // Loss positions, or rows that are sampled.
  rows: u32,
  // Largest rank in the pool: z has parts × maxRank values a token.
  maxRank: u32,
  // Nodes in the batch.
  segments: u32,
}

// One tile of 8 tokens: whose adapter it has.
struct Tile {
  // First parameter of the adapter in the pool.
  offset: u32,
  // 0: no adapter, the base alone.
  rank: u32,
  scale: f32,
  unused: u32,
}

// Where a projection group's LoRA parameters lie, in units of the rank (workers/engine/layout.ts).
struct Group {
  unitA: u32,
  unitB: u32,
}
