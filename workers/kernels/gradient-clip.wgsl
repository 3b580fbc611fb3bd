// Second half: the norm of each node's gradient, and the factor that clips it (as torch.nn.utils.clip_grad_norm_). A norm
// that is not finite is a fault: Adam then leaves all nodes alone.
@group(0) @binding(0) var<storage, read> partial: array<f32>;
// [nodes]: norm, factor
@group(0) @binding(1) var<storage, read_write> clip: array<vec2f>;
@group(0) @binding(2) var<storage, read_write> fault: atomic<u32>;
@group(0) @binding(3) var<uniform> adam: Adam;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let node = threadIndex(group, groups, local) / LANES;
  let lane = local % LANES;
  let row = min(node, adam.nodes - 1u);
  var sum = 0.0;
  for (var i = lane; i < adam.parts; i += LANES) { sum += partial[row * adam.parts + i]; }
  let norm = sqrt(laneSum(local, sum));
  if (node >= adam.nodes || lane != 0u) { return; }
  if (notFinite(norm)) { atomicStore(&fault, 1u); }
  clip[node] = vec2f(norm, min(1.0, adam.clipNorm / (norm + 1e-6)));
}
