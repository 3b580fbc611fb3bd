// With r = 1 / √(mean(x²) + ε):  dx += r · w · dy − x · r³ / n · Σ (w · dy · x)
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;
@group(0) @binding(3) var<storage, read> dy: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> dx: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = threadIndex(group, groups, local) / LANES;
  let lane = local % LANES;
  let token = min(index, dims.tokens - 1u);
  let row = token * HIDDEN4;
  var squares = 0.0;
  var products = 0.0;
  for (var i = lane; i < HIDDEN4; i += LANES) {
    let value = x[row + i];
    squares += dot(value, value);
    products += dot(weight[i] * dy[row + i], value);
  }
  let n = f32(4u * HIDDEN4);
  let r = inverseSqrt(laneSum(local, squares) / n + EPS);
  let c = r * r * r / n * laneSum(local, products);
  if (index >= dims.tokens) { return; }
  for (var i = lane; i < HIDDEN4; i += LANES) {
    dx[row + i] += r * weight[i] * dy[row + i] - c * x[row + i];
  }
}
