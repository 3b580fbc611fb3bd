import { expect, it, vi } from 'vitest';
import { tinyEngine } from '../../tests/support/tiny.ts';
import { execute, releaseAll, type ExecuteRequest } from './execute.ts';
import { planGraph } from './plan.ts';
import { oneLine } from './prompt.ts';

async function setUp(changes: Partial<ExecuteRequest> = {}) {
  const engine = await tinyEngine();
  const plan = planGraph({ layers: [2, 1, 1], hears: 'all' });
  for (const { id, key } of plan.nodes) await engine.addNode({ id, key, rank: 1, alpha: 1, seed: 1 });
  const generate = vi.spyOn(engine, 'generate');
  const request: ExecuteRequest = {
    plan,
    engine,
    problems: ['3+4', '5*6'],
    samples: 3,
    seed: 1,
    step: 2,
    sampling: { temperature: 1, topK: 0, topP: 1, maxNewTokens: 4 },
    keep: true,
    details: false,
    ...changes,
  };
  return { engine, generate, request };
}

it('runs each layer in one batch, whose prompts hold what was heard in the same row', async () => {
  const { engine, generate, request } = await setUp();
  const execution = await execute(request);
  expect(generate).toHaveBeenCalledTimes(3);
  expect(execution.rows).toBe(6);
  expect(execution.rollouts).toHaveLength(3);
  const [first, , last] = generate.mock.calls.map(([call]) => call);
  expect(first?.nodes.map(({ node }) => node)).toEqual(['1.0', '1.1']);
  expect(first?.nodes[1]?.rows).toEqual([0, 1, 2, 3, 4, 5]);
  expect(first?.nodes[1]?.prompts).toEqual(
    ['3+4', '3+4', '3+4', '5*6', '5*6', '5*6'].map((text) => `@1.1/3 ${text}\n>`),
  );
  const texts = (node: string) => execution.messages.get(node)?.map(({ text }) => text) ?? [];
  expect(new Set(texts('1.0')).size).toBeGreaterThan(1);
  last?.nodes[0]?.prompts.forEach((prompt, row) => {
    const heard = ['1.0', '1.1', '2.0'].map((node) => `<${oneLine(texts(node)[row] ?? '?')}\n`).join('');
    expect(prompt).toBe(`@3.0/3 ${row < 3 ? '3+4' : '5*6'}\n${heard}>`);
  });
  expect(execution.outputs).toEqual(texts('3.0'));
  await releaseAll(engine, execution.rollouts);
});

it('lets nobody hear a blanked node', async () => {
  const { generate, request } = await setUp({ keep: false, blank: ['1.1', '3.0'] });
  const execution = await execute(request);
  for (const prompt of generate.mock.calls[2]?.[0].nodes[0]?.prompts ?? []) expect(prompt.split('\n')[2]).toBe('<');
  expect(execution.messages.get('1.1')?.some(({ text }) => text !== '')).toBe(true);
  expect(execution.outputs).toEqual(['', '', '', '', '', '']);
  expect(execution.rollouts).toEqual([]);
});

it('gives a row the same messages in any batch', async () => {
  const { request } = await setUp({ keep: false });
  const both = await execute(request);
  const second = await execute({ ...request, problems: ['5*6'], firstRow: 3 });
  expect(second.outputs).toEqual(both.outputs.slice(3));
});

it('stops between layers at a signal and keeps nothing', async () => {
  const controller = new AbortController();
  const { engine, generate, request } = await setUp({ signal: controller.signal });
  const release = vi.spyOn(engine, 'release');
  const running = execute(request);
  controller.abort(new Error('enough'));
  await expect(running).rejects.toThrow('enough');
  expect(generate).toHaveBeenCalledTimes(1);
  expect(release).toHaveBeenCalledTimes(1);
});
