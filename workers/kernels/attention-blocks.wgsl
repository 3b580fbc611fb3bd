// attention.wgsl for whole sequences (Dao et al., FlashAttention, 2022): 64 neighbouring tokens of one head share the keys and values
// that attention-slots.wgsl loads. Each token takes its own of them in the order of attention.wgsl.
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> tokens: array<vec4u>;
@group(0) @binding(2) var<storage, read> q: array<vec4f>;
@group(0) @binding(3) var<storage, read> kv: array<Kv>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;
// [tokens, heads, 2]: log Σ exp; the second is backward's
@group(0) @binding(5) var<storage, read_write> stats: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = group.y * groups.x + group.x;
  if (index >= (dims.tokens + 63u) / 64u * HEADS) { return; }
  let first = 64u * (index / HEADS);
  let head = index % HEADS;
  // Surplus threads redo the last token, so that barriers stay uniform.
  let token = min(first + local, dims.tokens - 1u);
  let own = token * HEADS + head;

  $for i in HEAD4 { var query$i = vec4f(); }
  $for i in HEAD4 { var sum$i = vec4f(); }
  $for i in HEAD4 { query$i = q[own * HEAD4 + $iu] * SCALE; }
  var largest = -3.0e38;
  var total = 0.0;
  let count = slotCount(first);
  for (var start = 0u; start < count; start += SLOTS) {
    workgroupBarrier();
    loadSlots(first, start, count, head / (HEADS / KV_HEADS), local);
    workgroupBarrier();
    for (var s = 0u; s < SLOTS; s++) {
      if (token < seen[s].x || token >= seen[s].y) { continue; }
      var score = 0.0;
      $for i in HEAD4 { score += dot(query$i, keys[s * HEAD4 + $iu]); }
      if (score > largest) {
        let shrink = exp(largest - score);
        total *= shrink;
        $for i in HEAD4 { sum$i *= shrink; }
        largest = score;
      }
      let p = exp(score - largest);
      total += p;
      $for i in HEAD4 { sum$i += p * values[s * HEAD4 + $iu]; }
    }
  }
  if (first + local != token) { return; }
  $for i in HEAD4 { y[own * HEAD4 + $iu] = sum$i / total; }
  stats[2u * own] = largest + log(total);
}
