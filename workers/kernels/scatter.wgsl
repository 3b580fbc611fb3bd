// dx[from(i), :] = dy[i, :]: the mirror of gather.wgsl, into a cleared buffer. A token is at most one position of the loss.
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> rows: array<vec4u>;
@group(0) @binding(2) var<storage, read> dy: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dx: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = threadIndex(group, groups, local);
  let row = index / HIDDEN4;
  if (row >= dims.rows) { return; }
  dx[rows[row].x * HIDDEN4 + index % HIDDEN4] = dy[index];
}
