// 64 tokens × 64 columns by a workgroup of four subgroups, each of which multiplies 32 × 32 of them through the device's matrix unit
// (matrix-unit.ts). Of STEP terms of the sum at a time, both factors are kept in workgroup memory, as `Half`.
//
// In f16 each token is multiplied by a power of two of its own, which makes its largest value 2^14 to 2^15, and its results are
// divided by it: exact, so nothing overflows that is finite, gradients of 1e-9 are no zeros, and what is lost is what is
// less than 2^-39 of a token's largest value.
//
// The kernel that includes this has `inputAt`, `fillWeights` and `putAt`.
const THREADS = 4u * SUBGROUP;
// Threads that share a token when it is read, and how often all tokens are gone through.
const SHARERS = STEP / 4u;
var<workgroup> tokenTile: array<Half, 64u * TOKEN_PITCH>;
var<workgroup> weightTile: array<Half, WEIGHT_TILE>;
var<workgroup> scratch: array<f32, SCRATCH>;
// What the results of a token have to be multiplied by.
var<workgroup> undo: array<f32, 64>;

/// `width4`: a token's values / 4. Results are `across` vec4f a token.
fn multiplyBlock(tokens64: u32, columns64: u32, width4: u32, across: u32, local: u32) {
  let tokens = 8u * dims.tiles;
  let place = local % SHARERS;
  $for j in SWEEPS {
    // Its rows beyond the end repeat the last token; nobody reads their results.
    let row$j = local / SHARERS + $ju * (THREADS / SHARERS);
    let token$j = min(64u * tokens64 + row$j, tokens - 1u) * width4;
    var factor$j = 1.0;
  }
  if (RESCALED) {
    $for j in SWEEPS { var most$j = vec4f(); }
    for (var k4 = place; k4 < width4; k4 += SHARERS) {
      $for j in SWEEPS { most$j = max(most$j, abs(inputAt(token$j + k4))); }
    }
    $for j in SWEEPS { scratch[row$j * SHARERS + place] = max(max(most$j.x, most$j.y), max(most$j.z, most$j.w)); }
    workgroupBarrier();
    $for j in SWEEPS {
      var largest$j = 0.0;
      for (var i = 0u; i < SHARERS; i++) { largest$j = max(largest$j, scratch[row$j * SHARERS + i]); }
      // By the bits, so that what is not finite is left to be what it is.
      let exponent$j = clamp((bitcast<u32>(largest$j) >> 23u) & 255u, 15u, 253u);
      factor$j = bitcast<f32>((268u - exponent$j) << 23u);
      if (place == 0u) { undo[row$j] = bitcast<f32>((exponent$j - 14u) << 23u); }
    }
  }

  let subgroup = local / SUBGROUP;
  let lane = local % SUBGROUP;
  let topRow = 32u * (subgroup / 2u);
  let leftColumn = 32u * (subgroup % 2u);
  var sums: array<Sums, DOWN * ACROSS>;
  for (var g = 0u; g < (width4 + SHARERS - 1u) / SHARERS; g++) {
    let k4 = SHARERS * g + place;
    $for j in SWEEPS {
      var values$j = vec4f();
      if (k4 < width4) { values$j = inputAt(token$j + k4) * factor$j; }
      let to$j = row$j * TOKEN_PITCH + 4u * place;
      $for i in 4 { tokenTile[to$j + $iu] = half(values$j[$i]); }
    }
    fillWeights(columns64, g, local);
    workgroupBarrier();
    $for q in PARTS {
      {
        var left: array<Left, DOWN>;
        $for r in DOWN { left[$ru] = loadLeft((topRow + $ru * M) * TOKEN_PITCH + $qu * K, lane); }
        $for c in ACROSS {
          {
            let right = loadRight(rightAt(leftColumn + $cu * N, $qu * K), lane);
            $for d in DOWN {
              sums[$du * ACROSS + $cu] = multiply(left[$du], right, sums[$du * ACROSS + $cu], lane);
            }
          }
        }
      }
    }
    workgroupBarrier();
  }

  // The results can leave a unit only through memory, and blocks at the edges are cut off there.
  $for r in DOWN {
    $for c in ACROSS {
      put(M * N * subgroup, sums[$ru * ACROSS + $cu], lane);
      workgroupBarrier();
      for (var i = local; i < M * N; i += THREADS) {
        let at = 4u * i;
        let block = at / (M * N);
        let row = 32u * (block / 2u) + $ru * M + at % (M * N) / N;
        let column4 = 16u * columns64 + (32u * (block % 2u) + $cu * N + at % N) / 4u;
        let token = 64u * tokens64 + row;
        if (token < tokens && column4 < across) {
          let result = vec4f(scratch[at], scratch[at + 1u], scratch[at + 2u], scratch[at + 3u]);
          putAt(token * across + column4, select(result, result * undo[row], RESCALED));
        }
      }
      workgroupBarrier();
    }
  }
}
