// attention.wgsl for few tokens, as when messages are written: LANES threads of a workgroup share the slots of a token and head,
// each with a running maximum of its own, and bring their sums together at the end.
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> tokens: array<vec4u>;
@group(0) @binding(2) var<storage, read> q: array<vec4f>;
@group(0) @binding(3) var<storage, read> kv: array<Kv>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;
// [tokens, heads, 2]: log Σ exp; the second is backward's
@group(0) @binding(5) var<storage, read_write> stats: array<f32>;

// Eight vec4f of each thread at a time.
var<workgroup> parts: array<vec4f, 512>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let item = threadIndex(group, groups, local) / LANES;
  // Surplus threads redo the last head without writing, so that barriers stay uniform.
  let index = min(item, dims.tokens * HEADS - 1u);
  let lane = local % LANES;
  let token = index / HEADS;
  let head = index % HEADS;
  let ranges = tokens[2u * token + 1u];
  let kvHead = head / (HEADS / KV_HEADS);

  $for i in HEAD4 { let query$i = q[index * HEAD4 + $iu] * SCALE; }
  var sum: array<vec4f, 8u * PARTS>;
  var largest = -3.0e38;
  var total = 0.0;
  for (var n = lane; n < ranges.y + ranges.w; n += LANES) {
    let key = (slotOf(ranges, n) * 2u * KV_HEADS + kvHead) * HEAD4;
    var score = 0.0;
    $for i in HEAD4 { score += dot(query$i, kvOf(kv[key + $iu])); }
    if (score > largest) {
      let shrink = exp(largest - score);
      total *= shrink;
      $for i in HEAD4 { sum[$i] *= shrink; }
      largest = score;
    }
    let p = exp(score - largest);
    total += p;
    let value = key + KV_HEADS * HEAD4;
    $for i in HEAD4 { sum[$i] += p * kvOf(kv[value + $iu]); }
  }

  let overall = laneMax(local, largest);
  // 0 of a thread that had no slot.
  let share = exp(largest - overall);
  total = laneSum(local, total * share);
  let first = local - lane;
  $for b in PARTS {
    workgroupBarrier();
    $for i in 8 { parts[64u * $iu + local] = share * sum[8u * $bu + $iu]; }
    workgroupBarrier();
    let at$b = 8u * $bu + lane;
    if (lane < 8u && at$b < HEAD4 && item == index) {
      var whole = vec4f();
      for (var other = first; other < first + LANES; other++) { whole += parts[64u * lane + other]; }
      y[index * HEAD4 + at$b] = whole / total;
    }
  }
  if (lane == 0u && item == index) { stats[2u * index] = overall + log(total); }
}
