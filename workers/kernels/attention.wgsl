// Causal grouped-query attention of one token and head, over the KV slots of its path (what prompts share), then the
// sequence's own. One pass with a running maximum (Milakov and Gimelshein, 2018); keeps log Σ exp for backward.
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> tokens: array<vec4u>;
@group(0) @binding(2) var<storage, read> q: array<vec4f>;
@group(0) @binding(3) var<storage, read> kv: array<Kv>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;
// [tokens, heads, 2]: log Σ exp; the second is backward's
@group(0) @binding(5) var<storage, read_write> stats: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = threadIndex(group, groups, local);
  if (index >= dims.tokens * HEADS) { return; }
  // Turned round, neighbouring threads have neighbouring tokens, which read the same keys of the same head.
  let token = select(index / HEADS, index % dims.tokens, TURNED);
  let head = select(index % HEADS, index / dims.tokens, TURNED);
  let own = token * HEADS + head;
  let ranges = tokens[2u * token + 1u];
  let kvHead = head / (HEADS / KV_HEADS);

  $for i in HEAD4 { var query$i = vec4f(); }
  $for i in HEAD4 { var sum$i = vec4f(); }
  $for i in HEAD4 { query$i = q[own * HEAD4 + $iu] * SCALE; }
  var largest = -3.0e38;
  var total = 0.0;
  for (var n = 0u; n < ranges.y + ranges.w; n++) {
    let key = (slotOf(ranges, n) * 2u * KV_HEADS + kvHead) * HEAD4;
    var score = 0.0;
    $for i in HEAD4 { score += dot(query$i, kvOf(kv[key + $iu])); }
    if (score > largest) {
      let shrink = exp(largest - score);
      total *= shrink;
      $for i in HEAD4 { sum$i *= shrink; }
      largest = score;
    }
    let p = exp(score - largest);
    total += p;
    let value = key + KV_HEADS * HEAD4;
    $for i in HEAD4 { sum$i += p * kvOf(kv[value + $iu]); }
  }
  $for i in HEAD4 { y[own * HEAD4 + $iu] = sum$i / total; }
  stats[2u * own] = largest + log(total);
}
