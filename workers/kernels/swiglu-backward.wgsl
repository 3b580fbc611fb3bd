// dact is completed by dz A; then with s = σ(gate):
//   dgate = dact · up · s (1 + gate (1 − s)),  dup = dact · gate · s
// A thread computes 8 tokens × 4 values.
@group(0) @binding(0) var<uniform> dims: Dims;
// The down projection, whose input act is.
@group(0) @binding(1) var<uniform> matrix: Matrix;
@group(0) @binding(2) var<storage, read> gateUp: array<vec4f>;
@group(0) @binding(3) var<storage, read> dact: array<vec4f>;
@group(0) @binding(4) var<storage, read> dz: array<f32>;
@group(0) @binding(5) var<storage, read> tiles: array<Tile>;
@group(0) @binding(6) var<storage, read> adapters: array<f32>;
@group(0) @binding(7) var<storage, read_write> dgateUp: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = threadIndex(group, groups, local);
  let tile = index / FFN4;
  let i = index % FFN4;
  if (tile >= dims.tiles) { return; }
  let adapter = tiles[tile];
  $for t in 8 { var d$t = dact[(8u * tile + $tu) * FFN4 + i]; }
  for (var j = 0u; j < adapter.rank; j++) {
    let a = downRow(adapter, matrix, 0u, j, i);
    $for t in 8 { d$t += dz[(8u * tile + $tu) * dims.maxRank + j] * a; }
  }
  $for t in 8 {
    let at$t = (8u * tile + $tu) * 2u * FFN4 + i;
    let gate$t = gateUp[at$t];
    let s$t = 1.0 / (1.0 + exp(-gate$t));
    dgateUp[at$t] = d$t * gateUp[at$t + FFN4] * s$t * (1.0 + gate$t * (1.0 - s$t));
    dgateUp[at$t + FFN4] = d$t * gate$t * s$t;
  }
}
