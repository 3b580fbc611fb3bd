// dx[t, k] += Σ_j dz[t, j] A[j, k]: what linear-backward.wgsl leaves to whoever reads dx, where that has no room for it.
// A thread computes 8 tokens × 4 columns.
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<uniform> matrix: Matrix;
@group(0) @binding(2) var<storage, read> dz: array<f32>;
@group(0) @binding(3) var<storage, read> tiles: array<Tile>;
@group(0) @binding(4) var<storage, read> adapters: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = threadIndex(group, groups, local);
  let in4 = matrix.in4;
  let tile = index / in4;
  let column4 = index % in4;
  if (tile >= dims.tiles) { return; }
  let adapter = tiles[tile];
  let stride = matrix.parts * dims.maxRank;
  $for t in 8 { var sum$t = dx[(8u * tile + $tu) * in4 + column4]; }
  for (var part = 0u; part < matrix.parts; part++) {
    for (var j = 0u; j < adapter.rank; j++) {
      let a = downRow(adapter, matrix, part, j, column4);
      let from_ = 8u * tile * stride + part * dims.maxRank + j;
      $for t in 8 { sum$t += dz[from_ + $tu * stride] * a; }
    }
  }
  $for t in 8 { dx[(8u * tile + $tu) * in4 + column4] = sum$t; }
}
