// c = a b, all [SIZE, SIZE] in f32, rows first: the plain way on a GPU. A workgroup of 8 × 8 threads computes a tile of
// EDGE × EDGE (EDGE = 8 OWN) from strips of a and b in workgroup memory; a thread computes OWN × OWN of it in registers.
@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> c: array<vec4f>;

const STRIP = 16u;
// The strip of a lies transposed, so that a thread's values of both are neighbours.
var<workgroup> stripA: array<f32, STRIP * EDGE>;
var<workgroup> stripB: array<vec4f, STRIP * EDGE / 4u>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let tile = group.y * groups.x + group.x;
  let tiles = SIZE / EDGE;
  let row = tile / tiles * EDGE;
  let column = tile % tiles * EDGE;
  if (row >= SIZE) { return; }
  let y = local / 8u * OWN;
  let x = local % 8u * OWN;
  $for i in OWN { $for j in OWN4 { var sum$i_$j = vec4f(); } }
  for (var k = 0u; k < SIZE; k += STRIP) {
    for (var n = local; n < EDGE * STRIP / 4u; n += 64u) {
      let r = n / (STRIP / 4u);
      let at = n % (STRIP / 4u);
      let values = a[((row + r) * SIZE + k) / 4u + at];
      stripA[(4u * at) * EDGE + r] = values.x;
      stripA[(4u * at + 1u) * EDGE + r] = values.y;
      stripA[(4u * at + 2u) * EDGE + r] = values.z;
      stripA[(4u * at + 3u) * EDGE + r] = values.w;
      stripB[n] = b[((k + n / (EDGE / 4u)) * SIZE + column) / 4u + n % (EDGE / 4u)];
    }
    workgroupBarrier();
    for (var s = 0u; s < STRIP; s++) {
      $for j in OWN4 { let b$j = stripB[(s * EDGE + x) / 4u + $ju]; }
      $for i in OWN {
        let a$i = stripA[s * EDGE + y + $iu];
        $for j in OWN4 { sum$i_$j += a$i * b$j; }
      }
    }
    workgroupBarrier();
  }
  $for i in OWN { $for j in OWN4 { c[((row + y + $iu) * SIZE + column + x) / 4u + $ju] = sum$i_$j; } }
}
