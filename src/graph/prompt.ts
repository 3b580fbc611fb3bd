/**
 * What a node reads, in one of two forms. The compact form, for the built-in models, is the one they were trained on:
 *
 *     @2.0/2 (3+4)*(2+5)
 *     <3+4=7
 *     <2+5=7
 *     >
 *
 * The header says where the node is: `@layer.node/layers`. One line for each message it hears, in the order of its
 * sources; then `>`, after which it writes one line.
 *
 * The chat form, for models that follow instructions, says the same in plain English. It is one user message; the engine
 * puts the model's own chat template around it. It gives a node's place and no role: every node of a network reads the
 * same words but for its place, and what they make of it is left to training.
 */
import type { Plan, PlannedNode } from './plan.ts';

/** The models never saw larger numbers in a header; deeper and wider networks share the last name. */
const LARGEST = 7;

/** The compact prompt, without the token that begins a sequence: the engine's tokenizer puts that in front. */
export function compactPrompt(plan: Plan, node: PlannedNode, problem: string, heard: readonly string[]): string {
  const at = `@${Math.min(node.layer, LARGEST)}.${Math.min(node.index, LARGEST)}/${Math.min(plan.layers.length, LARGEST)}`;
  return `${at} ${oneLine(problem)}\n${heard.map((message) => `<${oneLine(message)}\n`).join('')}>`;
}

export type PromptForm = 'compact' | 'chat';

/** What a node hears: a message, and who wrote it. */
export interface Heard {
  from: string;
  text: string;
}

/** What the chat form ends a message at, in tokens, is told to the node: it cannot count them, but it can be brief. */
export function chatPrompt(
  plan: Plan,
  node: PlannedNode,
  problem: string,
  heard: readonly Heard[],
  maxNewTokens: number,
): string {
  const depth = plan.layers.length;
  return [
    `A network of language models solves a problem together. It has ${depth === 1 ? '1 layer' : `${depth} layers`}. Each node reads the problem and messages of nodes in earlier layers, then writes one message. The message of layer ${depth} is the answer of the network. Lines that begin with ">" are quoted.`,
    `You are node ${node.index} in layer ${node.layer} of ${depth}.`,
    `Problem:\n${quote(problem)}`,
    ...heard.map(({ from, text }) => `Message from node ${place(from)}:\n${quote(text)}`),
    `Write your message, at most ${maxNewTokens} tokens.`,
  ].join('\n\n');
}

/** `1.0` as `0 in layer 1`. */
const place = (id: string): string => {
  const [layer, index] = id.split('.');
  return `${index} in layer ${layer}`;
};

/**
 * Every line behind `> `, so that no line of a message can pass for one of the prompt. Other control characters become
 * blanks.
 */
function quote(text: string): string {
  const lines = text.split(LINE_BREAK);
  return lines.map((line) => `> ${oneLine(line)}`.trimEnd()).join('\n');
}

/** All that Unicode or a terminal takes for the end of a line. */
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const LINE_BREAK = /\r\n|[\n\v\f\r\u001c-\u001e\u0085\u2028\u2029]/;

/** Line breaks and control characters as blanks: a message must not look like another line of the prompt. */
export function oneLine(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, ' ');
}

/** The form in which a node is asked: a helper's own, else the network's. */
export const formOf = (node: PlannedNode, form: PromptForm = 'compact'): PromptForm => node.helper?.prompt ?? form;

/**
 * A message as it reaches a node. Only what a helper tells a node that reads the compact form is changed: the built-in
 * models read 7-bit characters, and their context is short. The message may have as many characters as they may write.
 */
export function asHeard(
  text: string,
  source: PlannedNode,
  reader: PlannedNode,
  { sampling, prompt }: { sampling: { maxNewTokens: number }; prompt?: PromptForm | undefined },
): string {
  if (!source.helper || formOf(reader, prompt) === 'chat') return text;
  const plain = oneLine(text).normalize('NFKD').replace(/\p{M}/gu, '');
  return plain.replace(/[^ -~]/gu, '?').slice(0, sampling.maxNewTokens);
}
