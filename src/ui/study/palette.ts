/** Colours of arms: Okabe and Ito's, which colour-blind readers tell apart, as dark or light as lines need to be. */
const LIGHT = ['#0072b2', '#c24e00', '#00805d', '#a8457f', '#8a6400', '#2f7fb0', '#636c77', '#7a4a12'];
const DARK = ['#56b4e9', '#ff8f3f', '#2fc99a', '#e69cc4', '#e6b422', '#9ad0f5', '#a3adba', '#d3a36b'];

/** Whether a line has the colour of an earlier one, and is dashed to be told from it. */
export const isDashed = (number: number): boolean => number > LIGHT.length;

export const colourOf = (number: number, dark: boolean): string => {
  const colours = dark ? DARK : LIGHT;
  return colours[(number - 1) % colours.length] ?? '#7f7f7f';
};
