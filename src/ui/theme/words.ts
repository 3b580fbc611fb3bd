/** How the page writes numbers and names: fixed widths, so that nothing jumps while they change. */

/** `1·0` for the node `1.0`. */
export const nodeName = (id: string): string => id.replace('.', '·');

/** `97 %`, which is never broken into two lines. */
export const percent = (share: number): string => `${Math.round(share * 100)}\u00a0%`;

/** `+0.62`, `−0.55`, `0.00`; with the true minus sign, which is as wide as the plus. */
export function signed(value: number, digits = 2): string {
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return text;
  return `${value > 0 ? '+' : '−'}${text}`;
}

/** `0.97`, or a dash while there is nothing. */
export const decimal = (value: number | undefined | null, digits = 2): string =>
  value === undefined || value === null || !Number.isFinite(value) ? '–' : value.toFixed(digits);

/** `126 kB`, `1.2 MB`. */
export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  if (count < 1e6) return `${Math.round(count / 1000)} kB`;
  if (count < 1e9) return `${(count / 1e6).toFixed(1)} MB`;
  return `${(count / 1e9).toFixed(2)} GB`;
}

/** `0.12 s`, `4.3 s`, `75 s`, `12 min`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–';
  if (seconds < 1) return `${seconds.toFixed(2)} s`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

/** `24 November 2026`, as the reader writes dates. */
export const day = (date: Date): string => date.toLocaleDateString(undefined, { dateStyle: 'long' });

const small = ['No', 'One', 'Two', 'Three', 'Four', 'Five', 'Six', 'Seven', 'Eight', 'Nine', 'Ten', 'Eleven', 'Twelve'];

/** `Three`, or the digits beyond twelve. */
export const inWords = (count: number): string => small[count] ?? String(count);

/** Characters that are not seen, or that change how others are: all but the one that makes an emoji colourful. */
const UNSEEN = /[\u2028\u2029\p{Surrogate}]|(?!\ufe0f)\p{Default_Ignorable_Code_Point}/gu;
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
/** Marks that stack over one character until they cover the lines above. */
const STACKED = /(\p{M}{4})\p{M}+/gu;

/**
 * Text of a model, of a link or of a file, as it can be shown safely: control characters and those that change the
 * direction of what follows are made visible, text that runs from right to left keeps that to itself, and all is cut at
 * `limit` characters, with the length said where there is room. (Markup needs no care: Lit writes text, never HTML.)
 */
export function shown(text: string, limit = 400): string {
  const cut = text.length > limit;
  // Cut first: the text may have megabytes, and is shown many times.
  const kept = (cut ? text.slice(0, limit) : text).replace(/[\ud800-\udbff]$/, '');
  const visible = kept
    .replace(/\p{Cc}/gu, '␣')
    .replace(UNSEEN, '�')
    .replace(STACKED, '$1�');
  const isolated = RIGHT_TO_LEFT.test(visible) ? `\u2068${visible}\u2069` : visible;
  if (!cut) return isolated;
  return limit < 60 ? `${isolated}…` : `${isolated}… (${text.length.toLocaleString('en')} characters)`;
}
