// dh = dy + dz A, the gradient over the norm's output, and with r = 1 / √(mean(x²) + ε):
//   dx += r · w · dh − x · r³ / n · Σ (w · dh · x)
// LANES threads a group of TOKENS tokens, as in add-norm.wgsl. The completed dh replaces dy.
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<uniform> matrix: Matrix;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;
@group(0) @binding(3) var<storage, read> weight: array<vec4f>;
@group(0) @binding(4) var<storage, read> dz: array<f32>;
@group(0) @binding(5) var<storage, read> tiles: array<Tile>;
@group(0) @binding(6) var<storage, read> adapters: array<f32>;
@group(0) @binding(7) var<storage, read_write> dy: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> dx: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = threadIndex(group, groups, local) / LANES;
  let lane = local % LANES;
  let token = min(index * TOKENS, dims.tokens - TOKENS);
  let real = index * TOKENS < dims.tokens;
  let adapter = tiles[token / 8u];
  let rank = select(0u, adapter.rank, real);
  let stride = matrix.parts * dims.maxRank;
  $for t in TOKENS {
    var squares$t = 0.0;
    var products$t = 0.0;
  }
  for (var i = lane; i < HIDDEN4; i += LANES) {
    $for t in TOKENS {
      let at$t = (token + $tu) * HIDDEN4 + i;
      var dh$t = dy[at$t];
    }
    for (var part = 0u; part < matrix.parts; part++) {
      for (var j = 0u; j < rank; j++) {
        let a = downRow(adapter, matrix, part, j, i);
        $for t in TOKENS { dh$t += dz[(token + $tu) * stride + part * dims.maxRank + j] * a; }
      }
    }
    $for t in TOKENS {
      // Each lane meets its own values again below.
      if (real) { dy[at$t] = dh$t; }
      let x$t = x[at$t];
      squares$t += dot(x$t, x$t);
      products$t += dot(weight[i] * dh$t, x$t);
    }
  }
  let n = f32(4u * HIDDEN4);
  $for t in TOKENS {
    let r$t = inverseSqrt(laneSum(local, squares$t) / n + EPS);
    let c$t = r$t * r$t * r$t / n * laneSum(local, products$t);
  }
  if (!real) { return; }
  for (var i = lane; i < HIDDEN4; i += LANES) {
    $for t in TOKENS {
      let to$t = (token + $tu) * HIDDEN4 + i;
      dx[to$t] += r$t * weight[i] * dy[to$t] - c$t * x[to$t];
    }
  }
}
