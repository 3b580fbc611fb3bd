import { expect, test } from 'vitest';
import { roll, unroll } from './template.ts';

test('copies the body and fills in the number', () => {
  expect(unroll('a $for i in 3 { x$i = y[$i]; } b', {})).toBe('a  x0 = y[0];  x1 = y[1];  x2 = y[2];  b');
});

test('nests, keeps braces of the body and takes counts from constants', () => {
  const code = '$for i in N {$for j in 2 {if (c) { s$i_$j[$iu]; }}}';
  expect(() => unroll(code, {})).toThrow('there is no constant N');
  expect(unroll(code, { N: 2 })).toBe(
    'if (c) { s0_0[0u]; }if (c) { s0_1[0u]; }if (c) { s1_0[1u]; }if (c) { s1_1[1u]; }',
  );
});

test('names what is missing', () => {
  expect(() => unroll('$for i in 2 { x', {})).toThrow('the closing brace is missing');
});

test('leaves the loops over some bounds to the compiler', () => {
  const code = '$for i in N { a[$iu] = 1; $for j in 2 { b[$iu + $ju]; } } $for k in M { c[$ku]; }';
  expect(roll(code, ['N', 'M'])).toBe(
    'for (var i = 0u; i < N; i++) { a[i] = 1; $for j in 2 { b[i + $ju]; } } for (var k = 0u; k < M; k++) { c[k]; }',
  );
});
