// Gradients of a key (turned back by its rotation) and a value, into dqkv. The tokens that read a key are one
// range from itself on; LANES threads share it, since a token that all prompts begin with is read by the whole batch.
//   dv = Σ p dy,  dk = scale Σ p (dy · v − D) q
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> tokens: array<vec4u>;
@group(0) @binding(2) var<storage, read> q: array<vec4f>;
@group(0) @binding(3) var<storage, read> kv: array<Kv>;
@group(0) @binding(4) var<storage, read> dy: array<vec4f>;
@group(0) @binding(5) var<storage, read> rotation: array<vec4f>;
@group(0) @binding(6) var<storage, read> stats: array<f32>;
@group(0) @binding(7) var<storage, read_write> dqkv: array<vec4f>;

const SHARE = HEADS / KV_HEADS;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let item = threadIndex(group, groups, local) / LANES;
  // Surplus threads redo the last key without writing, so that barriers stay uniform.
  let index = min(item, dims.tokens * KV_HEADS - 1u);
  let token = index / KV_HEADS;
  let kvHead = index % KV_HEADS;
  let origin = (token * 2u * KV_HEADS + kvHead) * HEAD4;

  $for i in HEAD4 { var key$i = vec4f(); }
  $for i in HEAD4 { var value$i = vec4f(); }
  $for i in HEAD4 { var dKey$i = vec4f(); }
  $for i in HEAD4 { var dValue$i = vec4f(); }
  $for i in HEAD4 {
    key$i = kvOf(kv[origin + $iu]) * SCALE;
    value$i = kvOf(kv[origin + KV_HEADS * HEAD4 + $iu]);
  }
  let end = tokens[2u * token].w;
  for (var reader = token + local % LANES; reader < end; reader += LANES) {
    for (var h = 0u; h < SHARE; h++) {
      let row = reader * HEADS + kvHead * SHARE + h;
      var score = 0.0;
      var product = 0.0;
      $for i in HEAD4 {
        let query$i = q[row * HEAD4 + $iu];
        let upstream$i = dy[row * HEAD4 + $iu];
        score += dot(query$i, key$i);
        product += dot(upstream$i, value$i);
      }
      let p = exp(score - stats[2u * row]);
      let ds = p * (product - stats[2u * row + 1u]) * SCALE;
      $for i in HEAD4 {
        dValue$i += p * upstream$i;
        dKey$i += ds * query$i;
      }
    }
  }
  $for i in HEAD4 {
    dKey$i = laneSum4(local, dKey$i);
    dValue$i = laneSum4(local, dValue$i);
  }
  if (item != index || local % LANES != 0u) { return; }
  putTurnedBack(token, HEADS + kvHead, array<vec4f, HEAD4>($for i in HEAD4 { dKey$i, }));
  let to = (token * (HEADS + 2u * KV_HEADS) + HEADS + KV_HEADS + kvHead) * HEAD4;
  $for i in HEAD4 { dqkv[to + $iu] = dValue$i; }
}
