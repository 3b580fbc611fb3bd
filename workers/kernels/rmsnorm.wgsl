// y[t, :] = x[t, :] · w / √(mean(x[t, :]²) + ε)   (Zhang and Sennrich, 2019)
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = threadIndex(group, groups, local) / LANES;
  let lane = local % LANES;
  // Surplus threads redo the last row instead of leaving, so that barriers stay uniform.
  let token = min(index, dims.tokens - 1u);
  let row = token * HIDDEN4;
  var sum = 0.0;
  for (var i = lane; i < HIDDEN4; i += LANES) {
    let value = x[row + i];
    sum += dot(value, value);
  }
  let r = inverseSqrt(laneSum(local, sum) / f32(4u * HIDDEN4) + EPS);
  if (index >= dims.tokens) { return; }
  for (var i = lane; i < HIDDEN4; i += LANES) {
    y[row + i] = x[row + i] * r * weight[i];
  }
}
