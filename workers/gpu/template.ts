/**
 * Unrolling of WGSL: `$for i in N { … $i … }` becomes N copies of the body, with every `$i` replaced by 0, 1, … (also inside a
 * name: `sum$i`, `$iu`). The variable is one letter. N is a number or one of the kernel's constants; loops nest.
 *
 * Drivers of GPUs unroll by themselves. SwiftShader does not, and keeps arrays with a running index in memory: unrolled
 * into single variables, the matrix products here run about twice as fast on it (docs/log.md).
 */
export function unroll(code: string, constants: Record<string, unknown>): string {
  const loop = /\$for (\w) in (\w+) \{/.exec(code);
  if (!loop) return code;
  const [head, variable, bound] = loop as unknown as [string, string, string];
  const start = loop.index + head.length;
  const end = closingBrace(code, start);
  const count = /^\d+$/.test(bound) ? Number(bound) : constants[bound];
  if (typeof count !== 'number') throw new SyntaxError(`$for ${variable} in ${bound}: there is no constant ${bound}`);
  const body = code.slice(start, end);
  const copies = Array.from({ length: count }, (_, i) => body.replaceAll(`$${variable}`, String(i)));
  return unroll(code.slice(0, loop.index) + copies.join('') + code.slice(end + 1), constants);
}

/**
 * The same loops left to the compiler, for the named bounds: `$for i in N {` becomes a loop of WGSL, and `$iu` its variable. For
 * code so long that a compiler cannot cope with its copies; every use of the variable has to be `$iu`.
 */
export function roll(code: string, bounds: readonly string[]): string {
  return bounds.reduce(
    (rolled, bound) =>
      Array.from(rolled.matchAll(new RegExp(`\\$for (\\w) in ${bound} \\{`, 'g')), ([, variable]) => variable!).reduce(
        (text, i) =>
          text
            .replaceAll(`$for ${i} in ${bound} {`, `for (var ${i} = 0u; ${i} < ${bound}; ${i}++) {`)
            .replaceAll(`$${i}u`, i),
        rolled,
      ),
    code,
  );
}

/** Index of the brace that closes the one before `start`. */
function closingBrace(code: string, start: number): number {
  let depth = 1;
  for (let i = start; i < code.length; i++) {
    if (code[i] === '{') depth++;
    else if (code[i] === '}' && --depth === 0) return i;
  }
  throw new SyntaxError('$for: the closing brace is missing');
}
