// Splits completed q|k|v, gives every head's query and key its RMSNorm (Qwen3), rotates them by their position (as rope.wgsl)
// and stores keys and values in their KV slot. A thread does one head of one token.
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<uniform> extras: array<vec4f, EXTRAS>;
@group(0) @binding(2) var<storage, read> tokens: array<vec4u>;
@group(0) @binding(3) var<storage, read> qkv: array<vec4f>;
// [positions, HALF4, 2]: cosines and sines
@group(0) @binding(4) var<storage, read> rotation: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> q: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> kv: array<Kv>;

const HALF4 = HEAD4 / 2u;
const ALL_HEADS = HEADS + 2u * KV_HEADS;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = threadIndex(group, groups, local);
  let token = index / ALL_HEADS;
  if (token >= dims.tokens) { return; }
  let head = index % ALL_HEADS;
  let source = index * HEAD4;
  let place = tokens[2u * token];
  if (head >= HEADS + KV_HEADS) {
    let to = ((place.z * 2u + 1u) * KV_HEADS + head - HEADS - KV_HEADS) * HEAD4;
    for (var i = 0u; i < HEAD4; i++) { kv[to + i] = toKv(qkv[source + i]); }
    return;
  }
  var squares = 0.0;
  for (var i = 0u; i < HEAD4; i++) { squares += dot(qkv[source + i], qkv[source + i]); }
  let r = inverseSqrt(squares / f32(4u * HEAD4) + EPS);
  let weight = NORMS + select(0u, HEAD4, head >= HEADS);
  for (var i = 0u; i < HALF4; i++) {
    let a = qkv[source + i] * r * extras[weight + i];
    let b = qkv[source + HALF4 + i] * r * extras[weight + HALF4 + i];
    let angle = (place.y * HALF4 + i) * 2u;
    let low = a * rotation[angle] - b * rotation[angle + 1u];
    let high = b * rotation[angle] + a * rotation[angle + 1u];
    if (head < HEADS) {
      let to = (token * HEADS + head) * HEAD4 + i;
      q[to] = low;
      q[to + HALF4] = high;
    } else {
      let to = (place.z * 2u * KV_HEADS + head - HEADS) * HEAD4 + i;
      kv[to] = toKv(low);
      kv[to + HALF4] = toKv(high);
    }
  }
}
