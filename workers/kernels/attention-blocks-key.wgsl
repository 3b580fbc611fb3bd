// attention-backward-key.wgsl by a workgroup for KEYS neighbouring keys of one head: their readers are one range, and each reader's
// query and gradient are read but once. LANES threads share the readers of a key.
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> tokens: array<vec4u>;
@group(0) @binding(2) var<storage, read> q: array<vec4f>;
@group(0) @binding(3) var<storage, read> kv: array<Kv>;
@group(0) @binding(4) var<storage, read> dy: array<vec4f>;
@group(0) @binding(5) var<storage, read> rotation: array<vec4f>;
@group(0) @binding(6) var<storage, read> stats: array<f32>;
@group(0) @binding(7) var<storage, read_write> dqkv: array<vec4f>;

const KEYS = 64u / LANES;
const SHARE = HEADS / KV_HEADS;
var<workgroup> queries: array<vec4f, READERS * HEAD4>;
var<workgroup> upstreams: array<vec4f, READERS * HEAD4>;
// (log Σ exp, D)
var<workgroup> readerStats: array<vec2f, READERS>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = group.y * groups.x + group.x;
  if (index >= (dims.tokens + KEYS - 1u) / KEYS * KV_HEADS) { return; }
  let first = KEYS * (index / KV_HEADS);
  let kvHead = index % KV_HEADS;
  let item = first + local / LANES;
  let token = min(item, dims.tokens - 1u);
  let origin = (token * 2u * KV_HEADS + kvHead) * HEAD4;
  let end = tokens[2u * token].w;
  var most = 0u;
  for (var k = 0u; k < KEYS; k++) { most = max(most, tokens[2u * min(first + k, dims.tokens - 1u)].w); }

  $for i in HEAD4 { var key$i = vec4f(); }
  $for i in HEAD4 { var value$i = vec4f(); }
  $for i in HEAD4 { var dKey$i = vec4f(); }
  $for i in HEAD4 { var dValue$i = vec4f(); }
  $for i in HEAD4 {
    key$i = kvOf(kv[origin + $iu]) * SCALE;
    value$i = kvOf(kv[origin + KV_HEADS * HEAD4 + $iu]);
  }
  for (var start = first; start < most; start += READERS) {
    for (var h = 0u; h < SHARE; h++) {
      workgroupBarrier();
      for (var e = local; e < READERS * HEAD4; e += 64u) {
        let row = min(start + e / HEAD4, dims.tokens - 1u) * HEADS + kvHead * SHARE + h;
        queries[e] = q[row * HEAD4 + e % HEAD4];
        upstreams[e] = dy[row * HEAD4 + e % HEAD4];
        if (e % HEAD4 == 0u) { readerStats[e / HEAD4] = vec2f(stats[2u * row], stats[2u * row + 1u]); }
      }
      workgroupBarrier();
      for (var r = local % LANES; r < READERS; r += LANES) {
        if (start + r < token || start + r >= end) { continue; }
        var score = 0.0;
        var product = 0.0;
        $for i in HEAD4 {
          score += dot(queries[r * HEAD4 + $iu], key$i);
          product += dot(upstreams[r * HEAD4 + $iu], value$i);
        }
        let p = exp(score - readerStats[r].x);
        let ds = p * (product - readerStats[r].y) * SCALE;
        $for i in HEAD4 {
          dValue$i += p * upstreams[r * HEAD4 + $iu];
          dKey$i += ds * queries[r * HEAD4 + $iu];
        }
      }
    }
  }
  $for i in HEAD4 {
    dKey$i = laneSum4(local, dKey$i);
    dValue$i = laneSum4(local, dValue$i);
  }
  if (item != token || local % LANES != 0u) { return; }
  putTurnedBack(token, HEADS + kvHead, array<vec4f, HEAD4>($for i in HEAD4 { dKey$i, }));
  let to = (token * (HEADS + 2u * KV_HEADS) + HEADS + KV_HEADS + kvHead) * HEAD4;
  $for i in HEAD4 { dqkv[to + $iu] = dValue$i; }
}
