// Draws the next token of each row and moves the row on by one: its token, position, KV slot and range.
//
// Gumbel-max: argmax_v (logit_v / T + gumbel_v) is a sample of softmax(logits / T). The noise comes from a counter-based
// generator (pcg4d, the twin of workers/engine/random.ts) keyed by the row and its position, so a draw does not depend on
// the batch. Top-k and top-p keep the logits at or above a threshold, found by bisection over the ordered bits of f32.
struct Sampling {
  // 0 is greedy.
  temperature: f32,
  topK: u32,
  topP: f32,
  maxNewTokens: u32,
  stopCount: u32,
  stops: array<vec4u, 2>,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<uniform> sampling: Sampling;
@group(0) @binding(2) var<storage, read> logits: array<f32>;
@group(0) @binding(3) var<storage, read> keys: array<vec4u>;
@group(0) @binding(4) var<storage, read_write> tokens: array<vec4u>;
// [rows, 2]: tokens written so far, 1 when the row has stopped
@group(0) @binding(5) var<storage, read_write> state: array<vec2u>;
// [rows, maxNewTokens, 2]: token, log π(token) as bits
@group(0) @binding(6) var<storage, read_write> output: array<vec2u>;

fn pcg4d(seed: vec4u) -> vec4u {
  var v = seed * 1664525u + 1013904223u;
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  v ^= v >> vec4u(16u);
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  return v;
}

fn gumbel(key: vec4u, position: u32, token: u32) -> f32 {
  let bits = pcg4d(vec4u(key.x ^ position, key.y, key.z, key.w ^ token)).x;
  return -log(-log((f32(bits >> 9u) + 0.5) * 0x1p-23));
}

// Bits of f32 as u32 in the order of the numbers.
fn ordered(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0u);
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let index = threadIndex(group, groups, local) / LANES;
  let lane = local % LANES;
  let row = min(index, dims.tokens - 1u);
  let start = row * STRIDE;
  let greedy = sampling.temperature == 0.0;
  let c = select(1.0 / sampling.temperature, 1.0, greedy);

  var largest = -3.0e38;
  for (var v = lane; v < VOCABULARY; v += LANES) { largest = max(largest, logits[start + v]); }
  largest = laneMax(local, largest);
  var total = 0.0;
  var broken = 0.0;
  for (var v = lane; v < VOCABULARY; v += LANES) {
    let logit = logits[start + v];
    total += exp((logit - largest) * c);
    broken += select(0.0, 1.0, notFinite(logit));
  }
  total = laneSum(local, total);
  broken = laneSum(local, broken);

  // Top-k: the largest threshold that at least k logits reach, bit by bit from the top.
  var threshold = 0u;
  if (!greedy && sampling.topK > 0u && sampling.topK < VOCABULARY) {
    for (var bit = 31u; bit < 32u; bit--) {
      let candidate = threshold | (1u << bit);
      var above = 0.0;
      for (var v = lane; v < VOCABULARY; v += LANES) { above += select(0.0, 1.0, ordered(logits[start + v]) >= candidate); }
      if (laneSum(local, above) >= f32(sampling.topK)) { threshold = candidate; }
    }
  }
  // Top-p: the smallest set whose mass reaches p, of what top-k has left.
  if (!greedy && sampling.topP < 1.0) {
    var kept = 0.0;
    for (var v = lane; v < VOCABULARY; v += LANES) {
      kept += select(0.0, exp((logits[start + v] - largest) * c), ordered(logits[start + v]) >= threshold);
    }
    let mass = laneSum(local, kept) * sampling.topP;
    var nucleus = 0u;
    for (var bit = 31u; bit < 32u; bit--) {
      let candidate = nucleus | (1u << bit);
      var above = 0.0;
      for (var v = lane; v < VOCABULARY; v += LANES) {
        above += select(0.0, exp((logits[start + v] - largest) * c), ordered(logits[start + v]) >= candidate);
      }
      if (laneSum(local, above) >= mass) { nucleus = candidate; }
    }
    threshold = max(threshold, nucleus);
  }

  let position = state[row].x;
  var best = -3.0e38;
  var token = 0u;
  for (var v = lane; v < VOCABULARY; v += LANES) {
    let logit = logits[start + v];
    if (ordered(logit) < threshold) { continue; }
    var score = logit * c;
    if (!greedy) { score += gumbel(keys[row], position, v); }
    if (score > best) {
      best = score;
      token = v;
    }
  }
  // The lowest token wins a tie, whatever the number of lanes: a maximum over lanes of the negated token.
  let winner = laneMax(local, best);
  token = u32(-laneMax(local, select(-3.0e38, -f32(token), best == winner)));

  if (index >= dims.tokens || lane != 0u) { return; }
  let done = state[row].y == 1u;
  // NaN tells of a logit that is not finite, whichever token was drawn.
  let logProb = select(bitcast<u32>((logits[start + token] - largest) * c - log(total)), 0x7fc00000u, broken > 0.0);
  if (position < sampling.maxNewTokens) {
    output[row * sampling.maxNewTokens + position] = select(vec2u(token, logProb), vec2u(0u), done);
  }
  var stopped = done;
  for (var i = 0u; i < sampling.stopCount; i++) { stopped = stopped || token == sampling.stops[i / 4u][i % 4u]; }
  state[row] = vec2u(position + 1u, select(0u, 1u, stopped));
  let info = tokens[2u * row];
  tokens[2u * row] = vec4u(token, info.y + 1u, info.z + 1u, info.w);
  tokens[2u * row + 1u].w += 1u;
}
