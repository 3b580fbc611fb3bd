// linear.wgsl for many rows: a workgroup computes 64 tokens × 64 columns of y, a thread 8 × 8 of them. Of 32 values of k at a
// time, the tokens' and the unpacked weights' are kept in workgroup memory, turned round: [k, token] and [k, column], with four
// neighbours in a vec4f whose place is mixed with k (^), so that threads write to different banks.
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<uniform> matrix: Matrix;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;
@group(0) @binding(3) var<storage, read> words: array<Packed>;
@group(0) @binding(4) var<storage, read> scales: array<f32>;
@group(0) @binding(5) var<storage, read> tiles: array<Tile>;
@group(0) @binding(6) var<storage, read> adapters: array<f32>;
@group(0) @binding(7) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> z: array<f32>;

// Together the 16 KiB that every device has.
var<workgroup> tokenTile: array<vec4f, 512>;
var<workgroup> weightTile: array<vec4f, 512>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = group.y * groups.x + group.x;
  let across = (matrix.out4 + 15u) / 16u;
  let products = (dims.tiles + 7u) / 8u * across;
  if (index >= products) { down(64u * (index - products) + local, local); } else { product(index / across, index % across, local); }
}

fn product(tokens64: u32, columns64: u32, local: u32) {
  let in4 = matrix.in4;
  let out4 = matrix.out4;
  let rowWords = matrix.words;
  let lastRow = matrix.out - 1u;
  let tokens = 8u * dims.tiles;
  let own = 2u * (local / 8u);
  $for t in 8 {
    var left$t = vec4f();
    var right$t = vec4f();
  }
  for (var g = 0u; g < rowWords / 4u; g++) {
    // 4 tokens × 4 values of k twice, and 4 columns × 8 values of k, a thread.
    $for h in 2 {
      let block$h = local + 64u * $hu;
      let k4$h = 8u * g + block$h % 8u;
      let token$h = 64u * tokens64 + 4u * (block$h / 8u);
      var square$h = mat4x4f();
      if (k4$h < in4) {
        square$h = transpose(mat4x4f(
          x[min(token$h, tokens - 1u) * in4 + k4$h],
          x[min(token$h + 1u, tokens - 1u) * in4 + k4$h],
          x[min(token$h + 2u, tokens - 1u) * in4 + k4$h],
          x[min(token$h + 3u, tokens - 1u) * in4 + k4$h],
        ));
      }
      let to$h = 64u * (block$h % 8u) + ((block$h / 8u) ^ (block$h % 8u));
      $for i in 4 { tokenTile[to$h + 16u * $iu] = square$h[$i]; }
    }
    let w = local % 4u;
    let row = 64u * columns64 + 4u * (local / 4u);
    $for i in 4 { let weights$i = weights8(min(row + $iu, lastRow), 4u * g + w, rowWords); }
    $for h in 2 {
      let turned$h = transpose(mat4x4f(weights0[$h], weights1[$h], weights2[$h], weights3[$h]));
      let at$h = 2u * w + $hu;
      $for i in 4 { weightTile[64u * at$h + 16u * $iu + ((local / 4u) ^ at$h)] = turned$h[$i]; }
    }
    workgroupBarrier();
    for (var k = 0u; k < 32u; k++) {
      let row = 16u * k;
      let mix = k / 4u;
      let a = tokenTile[row + (own ^ mix)];
      let b = tokenTile[row + ((own + 1u) ^ mix)];
      // Neighbouring threads read neighbouring columns, and so do the two halves of a thread's own.
      let c = weightTile[row + ((local % 8u) ^ mix)];
      let d = weightTile[row + 8u + ((local % 8u) ^ mix)];
      $for t in 4 {
        left$t += a[$t] * c;
        right$t += a[$t] * d;
      }
      left4 += b[0] * c;
      right4 += b[0] * d;
      left5 += b[1] * c;
      right5 += b[1] * d;
      left6 += b[2] * c;
      right6 += b[2] * d;
      left7 += b[3] * c;
      right7 += b[3] * d;
    }
    workgroupBarrier();
  }
  let column4 = 16u * columns64 + local % 8u;
  $for t in 8 {
    let token_$t = 64u * tokens64 + 8u * (local / 8u) + $tu;
    if (token_$t < tokens) {
      if (column4 < out4) { y[token_$t * out4 + column4] = left$t; }
      if (column4 + 8u < out4) { y[token_$t * out4 + column4 + 8u] = right$t; }
    }
  }
}
