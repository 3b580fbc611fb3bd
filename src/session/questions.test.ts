import { describe, expect, it } from 'vitest';
import { parseSpec } from '../spec.ts';
import { withTask } from './questions.ts';

describe('a run with another task', () => {
  it('has the level nearest to its own, and nothing that climbed the old ones', () => {
    const grown = parseSpec({
      task: { name: 'arithmetic', level: 5 },
      curriculum: { to: 7 },
      growth: { schedule: [{ when: 'level', at: 6, do: 'add-node', layer: 1 }] },
    });
    const sorted = withTask(grown, 'sort');
    expect(sorted.task).toEqual({ name: 'sort', level: 5 });
    expect([sorted.curriculum, sorted.growth, sorted.guard]).toEqual([undefined, undefined, undefined]);
  });

  it('is on the built-in model that can do its parts, and back on nano after it', () => {
    const following = withTask(parseSpec({}), 'lookup');
    expect(following.model).toBe('nano-lookup');
    expect(withTask(following, 'sort').model).toBe('nano');
  });

  it.each(['small', 'Qwen/Qwen3-0.6B'])('keeps %s, which was chosen for itself', (model) => {
    expect(withTask(parseSpec({ model }), 'sort').model).toBe(model);
  });

  it('keeps a downloaded model even where a built-in one was made for the task', () => {
    expect(withTask(parseSpec({ model: 'Qwen/Qwen3-0.6B' }), 'lookup').model).toBe('Qwen/Qwen3-0.6B');
  });
});
