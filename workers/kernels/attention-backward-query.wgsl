// Gradient of a query, turned back by its rotation, into dqkv. With p = softmax and D = dy · y (Dao, FlashAttention-2):
//   ds = p (dy · v − D),  dq = scale Σ ds k
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> tokens: array<vec4u>;
@group(0) @binding(2) var<storage, read> q: array<vec4f>;
@group(0) @binding(3) var<storage, read> kv: array<Kv>;
@group(0) @binding(4) var<storage, read> y: array<vec4f>;
@group(0) @binding(5) var<storage, read> dy: array<vec4f>;
@group(0) @binding(6) var<storage, read> rotation: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> stats: array<f32>;
@group(0) @binding(8) var<storage, read_write> dqkv: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = threadIndex(group, groups, local);
  if (index >= dims.tokens * HEADS) { return; }
  // As in attention.wgsl.
  let token = select(index / HEADS, index % dims.tokens, TURNED);
  let head = select(index % HEADS, index / dims.tokens, TURNED);
  let own = token * HEADS + head;
  let ranges = tokens[2u * token + 1u];
  let kvHead = head / (HEADS / KV_HEADS);

  $for i in HEAD4 { var query$i = vec4f(); }
  $for i in HEAD4 { var upstream$i = vec4f(); }
  $for i in HEAD4 { var sum$i = vec4f(); }
  var d = 0.0;
  $for i in HEAD4 {
    query$i = q[own * HEAD4 + $iu] * SCALE;
    upstream$i = dy[own * HEAD4 + $iu];
    d += dot(upstream$i, y[own * HEAD4 + $iu]);
  }
  stats[2u * own + 1u] = d;
  let logTotal = stats[2u * own];
  for (var n = 0u; n < ranges.y + ranges.w; n++) {
    let key = (slotOf(ranges, n) * 2u * KV_HEADS + kvHead) * HEAD4;
    let value = key + KV_HEADS * HEAD4;
    var score = 0.0;
    var product = 0.0;
    $for i in HEAD4 {
      let key$i = kvOf(kv[key + $iu]);
      score += dot(query$i, key$i);
      product += dot(upstream$i, kvOf(kv[value + $iu]));
    }
    let ds = exp(score - logTotal) * (product - d) * SCALE;
    $for i in HEAD4 { sum$i += ds * key$i; }
  }
  putTurnedBack(token, head, array<vec4f, HEAD4>($for i in HEAD4 { sum$i, }));
}
