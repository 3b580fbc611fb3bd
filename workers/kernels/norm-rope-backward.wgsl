// The gradient over queries and keys behind their norm becomes that before it, in place; with r = 1 / √(mean(x²) + ε):
//   dx = r · w · dy − x · r³ / n · Σ (w · dy · x)
// The rotation has been undone already (attention-backward-*.wgsl). A thread does one head of one token.
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<uniform> extras: array<vec4f, EXTRAS>;
@group(0) @binding(2) var<storage, read> qkv: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dqkv: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = threadIndex(group, groups, local);
  let token = index / (HEADS + KV_HEADS);
  if (token >= dims.tokens) { return; }
  let head = index % (HEADS + KV_HEADS);
  let at = (token * (HEADS + 2u * KV_HEADS) + head) * HEAD4;
  let weight = NORMS + select(0u, HEAD4, head >= HEADS);
  var squares = 0.0;
  var products = 0.0;
  for (var i = 0u; i < HEAD4; i++) {
    let x = qkv[at + i];
    squares += dot(x, x);
    products += dot(extras[weight + i] * dqkv[at + i], x);
  }
  let n = f32(4u * HEAD4);
  let r = inverseSqrt(squares / n + EPS);
  let c = r * r * r / n * products;
  for (var i = 0u; i < HEAD4; i++) { dqkv[at + i] = r * extras[weight + i] * dqkv[at + i] - c * qkv[at + i]; }
}
