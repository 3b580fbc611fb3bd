// y[t, o] = Σ_k x[t, k] W[o, k]  and  z[t, part, j] = Σ_k x[t, k] A[part, j, k], in one dispatch: the first threads compute
// y, the rest z. Whoever reads y adds scale · z Bᵀ (rope, swiglu, add-norm), which saves a dispatch.
//
// W is packed (weights-*.wgsl) and is read as it is. A thread computes 8 tokens × 4 BLOCKS columns of y: a weight is unpacked once
// for eight tokens, and the four sums of a token and block are one vec4. z is linear-down.wgsl's. No barriers and no shared
// memory: software renderers are fastest so. Where no more than the first ROWS tokens of a tile are real, the SPARE others get 0.
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<uniform> matrix: Matrix;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;
@group(0) @binding(3) var<storage, read> words: array<Packed>;
@group(0) @binding(4) var<storage, read> scales: array<f32>;
@group(0) @binding(5) var<storage, read> tiles: array<Tile>;
@group(0) @binding(6) var<storage, read> adapters: array<f32>;
@group(0) @binding(7) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> z: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = threadIndex(group, groups, local);
  let products = dims.tiles * ((matrix.out4 + BLOCKS - 1u) / BLOCKS);
  // Whole workgroups, since those of z may meet at barriers.
  let own = (products + 63u) / 64u;
  if (group.y * groups.x + group.x >= own) { down(index - 64u * own, local); } else if (index < products) { product(index); }
}

fn product(index: u32) {
  // Read once: not every compiler takes a uniform out of a loop.
  let in4 = matrix.in4;
  let outputs = matrix.out;
  let out4 = matrix.out4;
  let rowWords = matrix.words;
  let threads = (out4 + BLOCKS - 1u) / BLOCKS;
  let tile = index / threads;
  let column4 = BLOCKS * (index % threads);
  let first = 8u * tile * in4;
  $for b in BLOCKS {
    // The last columns of a vocabulary that is no multiple of 4 repeat the last row; nobody reads them.
    let rows$b = min(4u * (column4 + $bu) + vec4u(0u, 1u, 2u, 3u), vec4u(outputs - 1u));
    let words$b = rows$b * rowWords;
    $for t in ROWS { var sum$t_$b = vec4f(); }
  }

  for (var g = 0u; g < rowWords / 4u; g++) {
    $for b in BLOCKS { $for t in ROWS { var part$t_$b = vec4f(); } }
    for (var w = 4u * g; w < min(4u * g + 4u, (in4 + 1u) / 2u); w++) {
      $for b in BLOCKS {
        let a$b = words[words$b.x + w];
        let b$b = words[words$b.y + w];
        let c$b = words[words$b.z + w];
        let d$b = words[words$b.w + w];
        let low$b = mat4x4f(lowWeights(a$b), lowWeights(b$b), lowWeights(c$b), lowWeights(d$b));
        let high$b = mat4x4f(highWeights(a$b), highWeights(b$b), highWeights(c$b), highWeights(d$b));
      }
      let at = first + 2u * w;
      if (in4 % 2u == 0u || 2u * w + 1u < in4) {
        $for t in ROWS {
          let low_x$t = x[at + $tu * in4];
          let high_x$t = x[at + $tu * in4 + 1u];
          $for b in BLOCKS { part$t_$b += low_x$t * low$b + high_x$t * high$b; }
        }
      } else {
        $for t in ROWS {
          let last_x$t = x[at + $tu * in4];
          $for b in BLOCKS { part$t_$b += last_x$t * low$b; }
        }
      }
    }
    $for b in BLOCKS {
      var scale$b = vec4f(1.0);
      if (SCALED) {
        let at$b = rows$b * (rowWords / 4u) + g;
        scale$b = vec4f(scales[at$b.x], scales[at$b.y], scales[at$b.z], scales[at$b.w]);
      }
      $for t in ROWS { sum$t_$b += scale$b * part$t_$b; }
    }
  }

  $for b in BLOCKS {
    if (column4 + $bu < out4) {
      $for t in ROWS { y[(8u * tile + $tu) * out4 + column4 + $bu] = sum$t_$b; }
      $for t in SPARE { y[(8u * tile + ROWS + $tu) * out4 + column4 + $bu] = vec4f(); }
    }
  }
}
