// attention-backward-query.wgsl by 64 neighbouring tokens of one head, as attention-blocks.wgsl.
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
  let index = group.y * groups.x + group.x;
  if (index >= (dims.tokens + 63u) / 64u * HEADS) { return; }
  let first = 64u * (index / HEADS);
  let head = index % HEADS;
  let token = min(first + local, dims.tokens - 1u);
  let own = token * HEADS + head;

  $for i in HEAD4 { var query$i = vec4f(); }
  $for i in HEAD4 { var upstream$i = vec4f(); }
  $for i in HEAD4 { var sum$i = vec4f(); }
  var d = 0.0;
  $for i in HEAD4 {
    query$i = q[own * HEAD4 + $iu] * SCALE;
    upstream$i = dy[own * HEAD4 + $iu];
    d += dot(upstream$i, y[own * HEAD4 + $iu]);
  }
  let logTotal = stats[2u * own];
  let count = slotCount(first);
  for (var start = 0u; start < count; start += SLOTS) {
    workgroupBarrier();
    loadSlots(first, start, count, head / (HEADS / KV_HEADS), local);
    workgroupBarrier();
    for (var s = 0u; s < SLOTS; s++) {
      if (token < seen[s].x || token >= seen[s].y) { continue; }
      var score = 0.0;
      var product = 0.0;
      $for i in HEAD4 {
        score += dot(query$i, keys[s * HEAD4 + $iu]);
        product += dot(upstream$i, values[s * HEAD4 + $iu]);
      }
      let ds = exp(score - logTotal) * (product - d) * SCALE;
      $for i in HEAD4 { sum$i += ds * keys[s * HEAD4 + $iu]; }
    }
  }
  if (first + local != token) { return; }
  stats[2u * own + 1u] = d;
  putTurnedBack(token, head, array<vec4f, HEAD4>($for i in HEAD4 { sum$i, }));
}
