// b = a, 16 bytes a thread and round.
@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> b: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = threadIndex(group, groups, local);
  // Neighbouring threads read neighbouring values in every round.
  for (var i = index; i < COUNT4; i += THREADS) { b[i] = a[i]; }
}
