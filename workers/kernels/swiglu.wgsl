// act[t, i] = silu(gate[t, i]) · up[t, i] (Shazeer, 2020), after completing gate and up by scale z Bᵀ. A thread computes 8
// tokens × 4 values.
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<uniform> matrix: Matrix;
@group(0) @binding(2) var<storage, read> z: array<f32>;
@group(0) @binding(3) var<storage, read> tiles: array<Tile>;
@group(0) @binding(4) var<storage, read> adapters: array<f32>;
@group(0) @binding(5) var<storage, read_write> gateUp: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> act: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = threadIndex(group, groups, local);
  let tile = index / FFN4;
  let i = index % FFN4;
  if (tile >= dims.tiles) { return; }
  let adapter = tiles[tile];
  let maxRank = dims.maxRank;
  $for t in 8 {
    let at$t = (8u * tile + $tu) * 2u * FFN4 + i;
    var gate$t = gateUp[at$t];
    var up$t = gateUp[at$t + FFN4];
  }
  for (var j = 0u; j < adapter.rank; j++) {
    let bGate = upColumn(adapter, matrix, 4u * i, j);
    let bUp = upColumn(adapter, matrix, 4u * (FFN4 + i), j);
    $for t in 8 {
      let z$t = (8u * tile + $tu) * 2u * maxRank + j;
      gate$t += z[z$t] * bGate;
      up$t += z[z$t + maxRank] * bUp;
    }
  }
  $for t in 8 {
    gateUp[at$t] = gate$t;
    gateUp[at$t + FFN4] = up$t;
    act[(8u * tile + $tu) * FFN4 + i] = gate$t / (1.0 + exp(-gate$t)) * up$t;
  }
}
