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
  // Where the paths begin in the tokens' buffer, in vec4u.
  paths: u32,
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

// A packed matrix and its projection group's LoRA parameters. Shapes are values, not constants, so that one pipeline serves
// all matrices of a model: compiling is what a page waits for.
struct Matrix {
  // Input width / 4; output width; that / 4, rounded up; words a row.
  in4: u32,
  out: u32,
  out4: u32,
  words: u32,
  // Projections that have an adapter (0: the head), and the first columns of the second and third (the output width where there are none).
  parts: u32,
  part1: u32,
  part2: u32,
  // 1: below it there is nothing to train, so its input needs no gradient.
  first: u32,
  // Where A and B lie, in units of the rank (workers/engine/layout.ts).
  unitA: u32,
  unitB: u32,
}
