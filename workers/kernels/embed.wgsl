// x[t, :] = E[id(t), :], dequantised. One thread a word: 8 values.
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> tokens: array<vec4u>;
@group(0) @binding(2) var<storage, read> words: array<Packed>;
@group(0) @binding(3) var<storage, read> scales: array<f32>;
@group(0) @binding(4) var<storage, read_write> x: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = threadIndex(group, groups, local);
  let token = index / WORDS;
  let w = index % WORDS;
  if (token >= dims.tokens || 2u * w >= HIDDEN4) { return; }
  let id = tokens[2u * token].x;
  let word = words[id * WORDS + w];
  var scale = 1.0;
  if (SCALED) { scale = scales[id * (WORDS / 4u) + w / 4u]; }
  x[token * HIDDEN4 + 2u * w] = lowWeights(word) * scale;
  if (2u * w + 1u < HIDDEN4) { x[token * HIDDEN4 + 2u * w + 1u] = highWeights(word) * scale; }
}
