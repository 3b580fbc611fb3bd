// Gradient of a query, turned back by its rotation, into dqkv. With p = softmax and D = dy · y (Dao, FlashAttention-2):
//   ds = p (dy · v − D),  dq = scale Σ ds k
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> tokens: array<vec4u>;
@group(0) @binding(2) var<storage, read> q: array<vec4f>;
@group(0) @binding(3) var<storage, read> kv: array<vec4f>;
@group(0) @binding(4) var<storage, read> y: array<vec4f>;
@group(0) @binding(5) var<storage, read> dy: array<vec4f>;
@group(0) @binding(6) var<storage, read> rotation: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> stats: array<f32>;
@group(0) @binding(8) var<storage, read_write> dqkv: array<vec4f>;

const HALF4 = HEAD4 / 2u;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = threadIndex(group, groups, local);
  let token = index / HEADS;
  let head = index % HEADS;
  if (token >= dims.tokens) { return; }
  let ranges = tokens[2u * token + 1u];
  let kvHead = head / (HEADS / KV_HEADS);

  $for i in HEAD4 { var query$i = vec4f(); }
  $for i in HEAD4 { var upstream$i = vec4f(); }
  $for i in HEAD4 { var sum$i = vec4f(); }
  var d = 0.0;
  $for i in HEAD4 {
    query$i = q[index * HEAD4 + $iu] * SCALE;
    upstream$i = dy[index * HEAD4 + $iu];
    d += dot(upstream$i, y[index * HEAD4 + $iu]);
  }
  stats[2u * index + 1u] = d;
  let logTotal = stats[2u * index];
  for (var n = 0u; n < ranges.y + ranges.w; n++) {
    var slot = ranges.z + n - ranges.y;
    if (n < ranges.y) {
      let at = ranges.x + n;
      slot = tokens[dims.paths + at / 4u][at % 4u];
    }
    let key = (slot * 2u * KV_HEADS + kvHead) * HEAD4;
    let value = key + KV_HEADS * HEAD4;
    var score = 0.0;
    var product = 0.0;
    $for i in HEAD4 {
      let key$i = kv[key + $iu];
      score += dot(query$i, key$i);
      product += dot(upstream$i, kv[value + $iu]);
    }
    let ds = exp(score - logTotal) * (product - d) * SCALE;
    $for i in HEAD4 { sum$i += ds * key$i; }
  }
  let position = tokens[2u * token].y;
  let to = token * (HEADS + 2u * KV_HEADS) * HEAD4 + head * HEAD4;
  var turned: array<vec4f, HEAD4>;
  $for i in HEAD4 { turned[$i] = sum$i; }
  for (var i = 0u; i < HALF4; i++) {
    let cosine = rotation[(position * HALF4 + i) * 2u];
    let sine = rotation[(position * HALF4 + i) * 2u + 1u];
    dqkv[to + i] = turned[i] * cosine + turned[i + HALF4] * sine;
    dqkv[to + i + HALF4] = turned[i + HALF4] * cosine - turned[i] * sine;
  }
}
