/**
 * What a node reads. The compact form, for the built-in models, is the one they were trained on:
 *
 *     @2.0/2 (3+4)*(2+5)
 *     <3+4=7
 *     <2+5=7
 *     >
 *
 * The header says where the node is: `@layer.node/layers`. One line for each message it hears, in the order of its
 * sources; then `>`, after which it writes one line.
 */
import type { Plan, PlannedNode } from './plan.ts';

/** The models never saw larger numbers in a header; deeper and wider networks share the last name. */
const LARGEST = 7;

/** The compact prompt, without the token that begins a sequence: the engine's tokenizer puts that in front. */
export function compactPrompt(plan: Plan, node: PlannedNode, problem: string, heard: readonly string[]): string {
  const at = `@${Math.min(node.layer, LARGEST)}.${Math.min(node.index, LARGEST)}/${Math.min(plan.layers.length, LARGEST)}`;
  return `${at} ${oneLine(problem)}\n${heard.map((message) => `<${oneLine(message)}\n`).join('')}>`;
}

/** Line breaks and control characters as blanks: a message must not look like another line of the prompt. */
export function oneLine(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, ' ');
}
