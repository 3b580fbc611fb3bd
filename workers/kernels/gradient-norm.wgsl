// Partial sums of squares of a node's gradient: PART parameters a thread, in order (first half of the norm).
@group(0) @binding(0) var<storage, read> nodes: array<AdamNode>;
@group(0) @binding(1) var<storage, read> gradients: array<f32>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;
@group(0) @binding(3) var<uniform> adam: Adam;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = threadIndex(group, groups, local);
  let node = index / adam.parts;
  if (node >= adam.nodes) { return; }
  let origin = (index % adam.parts) * PART;
  let info = nodes[node];
  var sum = 0.0;
  for (var i = origin; i < min(origin + PART, info.count); i++) {
    let g = gradients[info.offset + i];
    sum += g * g;
  }
  partial[index] = sum;
}
