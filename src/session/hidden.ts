/** Parts of the page that a link or an attribute can leave out: a lesson shows what it is about. What went wrong is always told. */

export const HIDEABLE = [
  'heading',
  'presets',
  'share',
  'runs',
  'studies',
  'tour',
  'theme',
  'problem',
  'training',
  'settings',
  'story',
  'legend',
  'edit',
  'curves',
  'inside',
  'status',
] as const;

export type Hideable = (typeof HIDEABLE)[number];

const isHideable = (name: string): name is Hideable => (HIDEABLE as readonly string[]).includes(name);

/** `settings,status`, by commas or spaces. Throws a RangeError for a part that there is not. */
export function parseHidden(text: string): Hideable[] {
  const names = text.split(/[\s,]+/).filter((name) => name !== '');
  const unknown = names.find((name) => !isHideable(name));
  if (unknown !== undefined) {
    throw new RangeError(`there is no part "${unknown.slice(0, 40)}" to hide; there are ${HIDEABLE.join(', ')}`);
  }
  return [...new Set(names.filter(isHideable))];
}
