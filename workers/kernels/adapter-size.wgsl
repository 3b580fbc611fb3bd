// ‖B A‖² of each projection of each node, as Σ_ij (A Aᵀ)_ij (BᵀB)_ij: one thread computes one term.
struct Projection {
  in: u32,
  out: u32,
  unitA: u32,
  // Rank units before this part's A, and before its B.
  unitB: u32,
}

@group(0) @binding(0) var<storage, read> nodes: array<vec4u>;
@group(0) @binding(1) var<storage, read> projections: array<Projection>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
// [nodes, projections, maxRank²]
@group(0) @binding(3) var<storage, read_write> terms: array<f32>;
@group(0) @binding(4) var<uniform> dims: Dims;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = threadIndex(group, groups, local);
  let square = dims.maxRank * dims.maxRank;
  let node = index / (square * PROJECTIONS);
  if (node >= dims.rows) { return; }
  let info = nodes[node];
  let rank = info.y;
  let projection = projections[(index / square) % PROJECTIONS];
  let i = (index % square) / dims.maxRank;
  let j = index % dims.maxRank;
  var term = 0.0;
  if (i < rank && j < rank) {
    let a = info.x + rank * projection.unitA;
    let b = info.x + rank * projection.unitB;
    var aa = 0.0;
    for (var k = 0u; k < projection.in; k++) { aa += weights[a + i * projection.in + k] * weights[a + j * projection.in + k]; }
    var bb = 0.0;
    for (var o = 0u; o < projection.out; o++) { bb += weights[b + o * rank + i] * weights[b + o * rank + j]; }
    term = aa * bb;
  }
  terms[index] = term;
}
