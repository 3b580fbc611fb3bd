/** Things by kind, each as one and as many. */
export const THINGS = {
  fruits: [
    'apple apples',
    'banana bananas',
    'cherry cherries',
    'grape grapes',
    'lemon lemons',
    'peach peaches',
    'plum plums',
  ],
  vegetables: ['carrot carrots', 'leek leeks', 'onion onions', 'potato potatoes', 'radish radishes', 'turnip turnips'],
  animals: ['cat cats', 'cow cows', 'dog dogs', 'duck ducks', 'goat goats', 'mouse mice', 'sheep sheep'],
  instruments: ['cello cellos', 'drum drums', 'flute flutes', 'harp harps', 'piano pianos', 'violin violins'],
  tools: ['axe axes', 'drill drills', 'hammer hammers', 'ladder ladders', 'saw saws', 'spade spades'],
} as const;

export type Kind = keyof typeof THINGS;
export const KINDS = Object.keys(THINGS) as Kind[];

/** `[kind, one, many]` of every thing. */
export const ALL_THINGS: readonly (readonly [kind: Kind, one: string, many: string])[] = KINDS.flatMap((kind) =>
  THINGS[kind].map((words) => {
    const [one = '', many = ''] = words.split(' ');
    return [kind, one, many] as const;
  }),
);

/** `a fruit` of `fruits` */
export const oneOfKind = (kind: Kind): string => {
  const one = kind.slice(0, -1);
  return `${/^[aeiou]/.test(one) ? 'an' : 'a'} ${one}`;
};
