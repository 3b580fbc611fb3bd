// act[t, i] = silu(gate[t, i]) · up[t, i]   (Shazeer, 2020)
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> gateUp: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> act: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = threadIndex(group, groups, local);
  let token = index / FFN4;
  if (token >= dims.tokens) { return; }
  let at = index + token * FFN4;
  let gate = gateUp[at];
  act[index] = gate / (1.0 + exp(-gate)) * gateUp[at + FFN4];
}
