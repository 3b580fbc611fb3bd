// For the kernels in which a workgroup goes through the keys and values of one head for 64 neighbouring tokens, reading each but once.
// The batch is laid out depth first (workers/engine/batch.ts): a slot is its token's number, what reads it is one range from itself
// on, and so these tokens read nothing but what the first of them reads, and each other.
var<workgroup> keys: array<vec4f, SLOTS * HEAD4>;
var<workgroup> values: array<vec4f, SLOTS * HEAD4>;
// (slot, end of its readers)
var<workgroup> seen: array<vec2u, SLOTS>;

/// Slots that the tokens from `first` on read together, in ascending order.
fn slotCount(first: u32) -> u32 {
  let ranges = tokens[2u * first + 1u];
  return ranges.y + ranges.w + min(63u, dims.tokens - 1u - first);
}

/// SLOTS of them from `start` on; those behind the last have no reader.
fn loadSlots(first: u32, start: u32, count: u32, kvHead: u32, local: u32) {
  let ranges = tokens[2u * first + 1u];
  let before = ranges.y + ranges.w;
  for (var e = local; e < SLOTS * HEAD4; e += 64u) {
    let n = start + e / HEAD4;
    if (n >= count) {
      seen[e / HEAD4] = vec2u();
      continue;
    }
    var slot = slotOf(ranges, n);
    if (n >= before) { slot = first + 1u + n - before; }
    let place = (slot * 2u * KV_HEADS + kvHead) * HEAD4 + e % HEAD4;
    keys[e] = kvOf(kv[place]);
    values[e] = kvOf(kv[place + KV_HEADS * HEAD4]);
    if (e % HEAD4 == 0u) { seen[e / HEAD4] = vec2u(slot, tokens[2u * slot].w); }
  }
}
