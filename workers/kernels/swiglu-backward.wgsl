// With s = σ(gate):  dgate = dact · up · s (1 + gate (1 − s)),  dup = dact · gate · s
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> gateUp: array<vec4f>;
@group(0) @binding(2) var<storage, read> dact: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dgateUp: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = threadIndex(group, groups, local);
  let token = index / FFN4;
  if (token >= dims.tokens) { return; }
  let at = index + token * FFN4;
  let gate = gateUp[at];
  let s = 1.0 / (1.0 + exp(-gate));
  let d = dact[index];
  dgateUp[at] = d * gateUp[at + FFN4] * s * (1.0 + gate * (1.0 - s));
  dgateUp[at + FFN4] = d * gate * s;
}
