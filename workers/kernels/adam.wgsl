// Adam (Kingma and Ba, 2015) with bias correction, as torch.optim.Adam:
//   m = β1 m + (1 − β1) g,  v = β2 v + (1 − β2) g²,  w −= rate / (1 − β1^t) · m / (√(v / (1 − β2^t)) + ε)
@group(0) @binding(0) var<storage, read> nodes: array<AdamNode>;
@group(0) @binding(1) var<storage, read> gradients: array<f32>;
@group(0) @binding(2) var<storage, read> clip: array<vec2f>;
@group(0) @binding(3) var<storage, read_write> weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> m: array<f32>;
@group(0) @binding(5) var<storage, read_write> v: array<f32>;
// 1: something in this update is not finite, and no node is to learn from it.
@group(0) @binding(6) var<storage, read> fault: u32;
@group(0) @binding(7) var<uniform> adam: Adam;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = threadIndex(group, groups, local);
  let node = index / adam.largest;
  if (node >= adam.nodes) { return; }
  let info = nodes[node];
  let i = index % adam.largest;
  if (i >= info.count || fault != 0u) { return; }
  let at = info.offset + i;
  let g = gradients[at] * clip[node].y;
  let m1 = adam.beta1 * m[at] + (1.0 - adam.beta1) * g;
  let v1 = adam.beta2 * v[at] + (1.0 - adam.beta2) * g * g;
  m[at] = m1;
  v[at] = v1;
  weights[at] -= info.rate * m1 / (sqrt(v1) * info.inverseRoot2 + adam.epsilon);
}
