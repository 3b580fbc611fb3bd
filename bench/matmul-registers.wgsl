// c = a b, all [SIZE, SIZE] in f32, rows first, without workgroup memory: a thread computes 8 rows × 4 columns. What a
// renderer on the CPU does best.
@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> c: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let size4 = SIZE / 4u;
  let index = threadIndex(group, groups, local);
  let row = index / size4 * 8u;
  let column = index % size4;
  if (row >= SIZE) { return; }
  $for i in 8 { var sum$i = vec4f(); }
  for (var k = 0u; k < size4; k++) {
    let at = 4u * k * size4 + column;
    $for j in 4 { let b$j = b[at + $ju * size4]; }
    $for i in 8 {
      let a$i = a[(row + $iu) * size4 + k];
      $for j in 4 { sum$i += a$i[$j] * b$j; }
    }
  }
  $for i in 8 { c[(row + $iu) * size4 + column] = sum$i; }
}
