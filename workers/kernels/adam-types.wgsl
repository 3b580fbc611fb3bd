struct Adam {
  nodes: u32,
  // Threads a node in gradient-norm.wgsl.
  parts: u32,
  // Parameters of the largest node.
  largest: u32,
  clipNorm: f32,
  beta1: f32,
  beta2: f32,
  epsilon: f32,
}

struct AdamNode {
  // First parameter in the pool, and how many.
  offset: u32,
  count: u32,
  // Learning rate / (1 − β1^t)
  rate: f32,
  // 1 / √(1 − β2^t)
  inverseRoot2: f32,
}
