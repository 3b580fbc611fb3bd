// Splits q|k|v, rotates queries and keys by their position (RoPE, halves as in Llama's Hugging Face layout) and stores
// keys and values in their KV slot: kv[slot, 0, :] = key, kv[slot, 1, :] = value. One thread a half-vec4 of one head.
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> tokens: array<vec4u>;
@group(0) @binding(2) var<storage, read> qkv: array<vec4f>;
// [positions, HALF4, 2]: cosines and sines
@group(0) @binding(3) var<storage, read> rotation: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> q: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> kv: array<vec4f>;

const HALF4 = HEAD4 / 2u;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = threadIndex(group, groups, local);
  let perToken = (HEADS + 2u * KV_HEADS) * HALF4;
  let token = index / perToken;
  if (token >= dims.tokens) { return; }
  let head = (index % perToken) / HALF4;
  let i = index % HALF4;
  let meta_ = tokens[2u * token];
  let origin = token * (HEADS + 2u * KV_HEADS) * HEAD4 + head * HEAD4 + i;
  let a = qkv[origin];
  let b = qkv[origin + HALF4];
  let cosine = rotation[(meta_.y * HALF4 + i) * 2u];
  let sine = rotation[(meta_.y * HALF4 + i) * 2u + 1u];
  if (head < HEADS) {
    let to = (token * HEADS + head) * HEAD4 + i;
    q[to] = a * cosine - b * sine;
    q[to + HALF4] = b * cosine + a * sine;
  } else if (head < HEADS + KV_HEADS) {
    let to = (meta_.z * 2u * KV_HEADS + head - HEADS) * HEAD4 + i;
    kv[to] = a * cosine - b * sine;
    kv[to + HALF4] = b * cosine + a * sine;
  } else {
    let to = ((meta_.z * 2u + 1u) * KV_HEADS + head - HEADS - KV_HEADS) * HEAD4 + i;
    kv[to] = a;
    kv[to + HALF4] = b;
  }
}
