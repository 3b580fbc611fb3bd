// The mirror of linear.wgsl, through the same packed words, in one dispatch:
//   dx[t, k] = Σ_o dy[t, o] W[o, k]  and  dz[t, part, j] = scale Σ_{o in part} dy[t, o] B[o, j]
// Whoever reads dx adds dz A (swiglu-backward, add-norm-backward, lora-add). A thread computes 8 tokens × 8 columns of dx,
// one word of every row of W; dz is linear-up.wgsl's.
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<uniform> matrix: Matrix;
@group(0) @binding(2) var<storage, read> dy: array<vec4f>;
@group(0) @binding(3) var<storage, read> words: array<Packed>;
@group(0) @binding(4) var<storage, read> scales: array<f32>;
@group(0) @binding(5) var<storage, read> tiles: array<Tile>;
@group(0) @binding(6) var<storage, read> adapters: array<f32>;
@group(0) @binding(7) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> dz: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = threadIndex(group, groups, local);
  let products = select(dims.tiles * matrix.words, 0u, matrix.first == 1u);
  let own = (products + 63u) / 64u;
  if (group.y * groups.x + group.x >= own) { up(index - 64u * own, local); } else if (index < products) { product(index); }
}

fn product(index: u32) {
  // Read once: not every compiler takes a uniform out of a loop.
  let in4 = matrix.in4;
  let outputs = matrix.out;
  let out4 = matrix.out4;
  let rowWords = matrix.words;
  let tile = index / rowWords;
  let w = index % rowWords;
  if (2u * w >= in4) { return; }
  let more = 2u * w + 1u < in4;

  $for t in 8 {
    var low$t = vec4f();
    var high$t = vec4f();
  }
  for (var o4 = 0u; o4 < out4; o4++) {
    $for t in 8 { let d$t = dy[(8u * tile + $tu) * out4 + o4]; }
    $for i in 4 {
      let row$i = min(4u * o4 + $iu, outputs - 1u);
      let word$i = words[row$i * rowWords + w];
      var scale$i = 1.0;
      if (SCALED) { scale$i = scales[row$i * (rowWords / 4u) + w / 4u]; }
      let wl$i = lowWeights(word$i) * scale$i;
      let wh$i = highWeights(word$i) * scale$i;
      $for t in 8 {
        low$t += d$t[$i] * wl$i;
        high$t += d$t[$i] * wh$i;
      }
    }
  }

  $for t in 8 {
    let at$t = (8u * tile + $tu) * in4 + 2u * w;
    dx[at$t] = low$t;
    if (more) { dx[at$t + 1u] = high$t; }
  }
}
