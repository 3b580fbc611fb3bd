/** Numbers in messages, compared as they are written: no rounding, so 0.1 is 0.10 and a number of 30 digits is itself. */

/** Groups of three with commas, or digits; a fraction; a small exponent. A sign only where it is no operator. */
const NUMBER =
  /(?:(?<![\p{L}\p{N})\]])[-+−])?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)?(?:(?<=\d)|(?=\.\d))(?:\.\d+)?(?:[eE][-+]?\d{1,3}(?!\d))?/gu;

/** Characters of a message that are searched, from its end. */
const SEARCHED = 2_000;

/** The last number of a text and whether it is all of it; null where there is none. */
export function lastNumber(text: string): { text: string; whole: boolean } | null {
  const searched = text.slice(-SEARCHED);
  let last: string | null = null;
  for (const [found] of searched.matchAll(NUMBER)) if (/\d/.test(found)) last = found;
  return last === null ? null : { text: last, whole: last === text.trim() };
}

/** Whether two texts that `lastNumber` takes for numbers are the same number. */
export const sameNumber = (a: string, b: string): boolean => canonical(a) === canonical(b);

/** `-1,200.50` and `-1.2005e3` as `-12005e-1`: digits without zeros at their ends, and a power of ten. */
function canonical(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^([-+−]?)(\d*)(?:\.(\d+))?(?:[eE]([-+]?\d+))?$/u.exec(text.replace(/,/g, '')) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const short = digits.replace(/0+$/, '');
  if (short === '') return '0';
  const power = Number(exponent) - fraction.length + (digits.length - short.length);
  return `${sign === '-' || sign === '−' ? '-' : ''}${short}e${power}`;
}
