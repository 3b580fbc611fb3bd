// linear-backward.wgsl for many rows, the mirror of linear-tiled.wgsl: a workgroup computes 64 tokens × 64 columns of dx, from 32
// values of o at a time.
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<uniform> matrix: Matrix;
@group(0) @binding(2) var<storage, read> dy: array<vec4f>;
@group(0) @binding(3) var<storage, read> words: array<Packed>;
@group(0) @binding(4) var<storage, read> scales: array<f32>;
@group(0) @binding(5) var<storage, read> tiles: array<Tile>;
@group(0) @binding(6) var<storage, read> adapters: array<f32>;
@group(0) @binding(7) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> dz: array<f32>;

// [o, token], mixed as there, and [o, k].
var<workgroup> tokenTile: array<vec4f, 512>;
var<workgroup> weightTile: array<vec4f, 512>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = group.y * groups.x + group.x;
  let across = (matrix.in4 + 15u) / 16u;
  let products = select((dims.tiles + 7u) / 8u * across, 0u, matrix.first == 1u);
  if (index >= products) { up(64u * (index - products) + local, local); } else { product(index / across, index % across, local); }
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
  for (var g = 0u; g < (out4 + 7u) / 8u; g++) {
    $for h in 2 {
      let block$h = local + 64u * $hu;
      let o4$h = 8u * g + block$h % 8u;
      let token$h = 64u * tokens64 + 4u * (block$h / 8u);
      var square$h = mat4x4f();
      if (o4$h < out4) {
        square$h = transpose(mat4x4f(
          dy[min(token$h, tokens - 1u) * out4 + o4$h],
          dy[min(token$h + 1u, tokens - 1u) * out4 + o4$h],
          dy[min(token$h + 2u, tokens - 1u) * out4 + o4$h],
          dy[min(token$h + 3u, tokens - 1u) * out4 + o4$h],
        ));
      }
      let to$h = 64u * (block$h % 8u) + ((block$h / 8u) ^ (block$h % 8u));
      $for i in 4 { tokenTile[to$h + 16u * $iu] = square$h[$i]; }
    }
    // Eight words of 32 rows: four a thread. Beyond a row's end there is nothing to write.
    let w = min(8u * columns64 + local % 8u, rowWords - 1u);
    $for i in 4 {
      let row$i = local / 8u + 8u * $iu;
      let weights$i = weights8(min(32u * g + row$i, lastRow), w, rowWords);
      weightTile[16u * row$i + 2u * (local % 8u)] = weights$i[0];
      weightTile[16u * row$i + 2u * (local % 8u) + 1u] = weights$i[1];
    }
    workgroupBarrier();
    for (var k = 0u; k < 32u; k++) {
      let row = 16u * k;
      let mix = k / 4u;
      let a = tokenTile[row + (own ^ mix)];
      let b = tokenTile[row + ((own + 1u) ^ mix)];
      // Neighbouring threads read neighbouring columns, and so do the two halves of a thread's own.
      let c = weightTile[row + local % 8u];
      let d = weightTile[row + 8u + local % 8u];
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
      if (column4 < in4) { dx[token_$t * in4 + column4] = left$t; }
      if (column4 + 8u < in4) { dx[token_$t * in4 + column4 + 8u] = right$t; }
    }
  }
}
