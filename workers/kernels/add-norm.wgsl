// x = residual + y + scale z Bᵀ, the end of a sublayer, and h = x · w / √(mean(x²) + ε), the start of the next
// (RMSNorm: Zhang and Sennrich, 2019). LANES threads a group of TOKENS tokens: one thread a tile on software renderers, so
// that B is read once for eight tokens, and a workgroup a token on GPUs.
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<uniform> matrix: Matrix;
@group(0) @binding(2) var<storage, read> residual: array<vec4f>;
@group(0) @binding(3) var<storage, read> y: array<vec4f>;
@group(0) @binding(4) var<storage, read> z: array<f32>;
@group(0) @binding(5) var<storage, read> tiles: array<Tile>;
@group(0) @binding(6) var<storage, read> adapters: array<f32>;
@group(0) @binding(7) var<storage, read> weight: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(9) var<storage, read_write> h: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = threadIndex(group, groups, local) / LANES;
  let lane = local % LANES;
  // Surplus threads redo the last rows instead of leaving, so that barriers stay uniform.
  let token = min(index * TOKENS, dims.tokens - TOKENS);
  let real = index * TOKENS < dims.tokens;
  let adapter = tiles[token / 8u];
  let rank = adapter.rank;
  let maxRank = dims.maxRank;
  $for t in TOKENS { var sum$t = 0.0; }
  for (var i = lane; i < HIDDEN4; i += LANES) {
    $for t in TOKENS {
      let at$t = (token + $tu) * HIDDEN4 + i;
      var value$t = residual[at$t] + y[at$t];
    }
    for (var j = 0u; j < rank; j++) {
      let b = upColumn(adapter, matrix, 4u * i, j);
      $for t in TOKENS { value$t += z[(token + $tu) * maxRank + j] * b; }
    }
    $for t in TOKENS {
      if (real) { x[at$t] = value$t; }
      sum$t += dot(value$t, value$t);
    }
  }
  $for t in TOKENS { let r$t = inverseSqrt(laneSum(local, sum$t) / f32(4u * HIDDEN4) + EPS); }
  if (!real) { return; }
  for (var i = lane; i < HIDDEN4; i += LANES) {
    $for t in TOKENS { h[(token + $tu) * HIDDEN4 + i] = x[(token + $tu) * HIDDEN4 + i] * r$t * weight[i]; }
  }
}
