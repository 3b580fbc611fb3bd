import fc from 'fast-check';
import { expect, it } from 'vitest';
import { planGraph } from './plan.ts';
import { chatPrompt } from './prompt.ts';

const plan = planGraph({ layers: [2, 1], hears: 'previous' });

it('says in plain English where a node is, what is asked and what it hears', () => {
  const heard = [
    { from: '1.0', text: '3 + 4 = 7\nso 7' },
    { from: '1.1', text: '' },
  ];
  expect(chatPrompt(plan, plan.output, 'What is 3 + 4?', heard, 64)).toBe(
    [
      'A network of language models solves a problem together. It has 2 layers. Each node reads the problem and messages of nodes in earlier layers, then writes one message. The message of layer 2 is the answer of the network. Lines that begin with ">" are quoted.',
      '',
      'You are node 0 in layer 2 of 2.',
      '',
      'Problem:',
      '> What is 3 + 4?',
      '',
      'Message from node 0 in layer 1:',
      '> 3 + 4 = 7',
      '> so 7',
      '',
      'Message from node 1 in layer 1:',
      '>',
      '',
      'Write your message, at most 64 tokens.',
    ].join('\n'),
  );
});

it('reads the same to every node but for its place', () => {
  const texts = plan.nodes.map((node) => chatPrompt(plan, node, 'x', [], 8).replace(/You are node .*/, ''));
  expect(new Set(texts).size).toBe(1);
});

it('never lets a problem or a message pass for a line of the prompt', () => {
  // Everything that some reader takes for the end of a line.
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  const lines = /\r\n|[\n\v\f\r\u001c-\u001e\u0085\u2028\u2029]/;
  const own = chatPrompt(plan, plan.output, '', [{ from: '1.0', text: '' }], 8).split(lines);
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom('a', '>', '\n', '\r', '\u2028', '\v', '\u0085', ' ', 'You are node 0') }),
  );
  fc.assert(
    fc.property(text, text, (problem, message) => {
      const prompt = chatPrompt(plan, plan.output, problem, [{ from: '1.0', text: message }], 8).split(lines);
      const quoted = (line: string): boolean => line.startsWith('>');
      expect(prompt.filter((line) => !quoted(line))).toEqual(own.filter((line) => !quoted(line)));
    }),
  );
});
