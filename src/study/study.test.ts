import { expect, it, describe } from 'vitest';
import { tinyEngine } from '../../tests/support/tiny.ts';
import { baselines, formatOnly } from './baselines.ts';
import { examine, formOf } from './diagnostics.ts';
import { studies } from './index.ts';
import { barChart, escapeXml, heatMap } from './plot.ts';
import { reportOf } from './report.ts';
import { bootstrap, entropy, pairedDifference } from './statistics.ts';
import { runStudy, specOf, type RunPlace, type RunRecord, type StudyFile } from './study.ts';
import { cannotConclude } from './summary.ts';
import { agreement, winner } from './vote.ts';
import { taskNamed } from '../tasks/index.ts';
import type { Problem } from '../tasks/task.ts';
import { Trainer } from '../training/train.ts';
import type { Checkpoint } from '../training/types.ts';

const size = { seeds: 2, steps: 3, problems: 2, samples: 4, heldOut: 8 };

function emptyFile(study: string): StudyFile {
  return {
    version: 1,
    study,
    size,
    device: {
      engine: 'reference',
      vendor: '',
      architecture: '',
      description: '',
      backend: '',
      software: true,
      features: [],
    },
    model: 'tiny',
    reduced: true,
    runs: [],
    specs: {},
  };
}

/** Keeps everything in memory. */
function places() {
  const kept = new Map<string, { checkpoint?: Checkpoint; best?: Checkpoint; extra?: Partial<RunRecord> }>();
  const placeOf = (run: string): RunPlace => {
    const own = kept.get(run) ?? {};
    kept.set(run, own);
    return {
      save: async (checkpoint) => void (own.checkpoint = checkpoint),
      saveBest: async (checkpoint) => void (own.best = checkpoint),
      saveExtra: async (extra) => void (own.extra = structuredClone(extra)),
      load: async () => own,
    };
  };
  return placeOf;
}

const timeless = (runs: readonly RunRecord[]) => runs.map((run) => ({ ...run, seconds: 0 }));

describe('statistics', () => {
  it('covers the true mean about as often as it says', () => {
    let covered = 0;
    for (let trial = 0; trial < 200; trial++) {
      const values = Array.from({ length: 20 }, (_, i) => Math.abs(Math.sin(1 + trial * 97 + i * 13.7) * 1e4) % 1);
      const { low, high } = bootstrap(values);
      if (low <= 0.5 && high >= 0.5) covered++;
    }
    expect(covered / 200).toBeGreaterThan(0.85);
    expect(covered / 200).toBeLessThan(1);
  });

  it('is the same for the same values, and pairs by seed', () => {
    expect(bootstrap([0.1, 0.5, 0.9])).toEqual(bootstrap([0.1, 0.5, 0.9]));
    expect(bootstrap([0.4])).toEqual({ mean: 0.4, low: 0.4, high: 0.4, n: 1 });
    const difference = pairedDifference(new Map([[1, 0.9], [2, 0.8]]), new Map([[2, 0.5], [3, 0.1]])); // prettier-ignore
    expect(difference?.n).toBe(1);
    expect(difference?.mean).toBeCloseTo(0.3, 12);
    expect(entropy([5, 5])).toBeCloseTo(Math.log(2), 12);
  });
});

it('takes the answer given most often, of equals the first, and none from who gave none', () => {
  expect(winner(['3', '4', '4'])).toBe('4');
  expect(winner(['3', '4'])).toBe('3');
  expect(winner([null, null, '7'])).toBe('7');
  expect(winner([null])).toBeNull();
  const problems = ['4', '7', '2'].map((answer) => ({ answer }) as Problem);
  expect(
    agreement(
      [
        ['4', '1', null],
        ['4', '7', '2'],
        ['3', '7', null],
      ],
      problems,
    ),
  ).toBe(1);
  expect(
    agreement(
      [
        ['4', '1', '2'],
        ['3', '7', '5'],
      ],
      problems,
    ),
  ).toBeCloseTo(2 / 3, 12);
});

it('rewards form only for anything that looks like an answer', () => {
  const task = formatOnly(taskNamed('arithmetic'));
  const problem = { text: '3+4', answer: '7' };
  expect(['7', '3+4=9', 'x1', '', '(('].map((m) => task.reward(problem, m).reward)).toEqual([1, 1, 0, 0, 0]);
  expect(task.reward(problem, '9').metrics.accuracy).toBe(0);
});

it.each([...studies.values()])('$name has arms that can be run and comparisons of them', (study) => {
  const arms = study.arms(study.size);
  for (const arm of arms) expect(specOf(arm, 1, study.size).seed).toBe(1);
  const names = arms.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[a-z0-9-]+$/);
  if (!study.more) for (const [a, b] of study.comparisons) expect(names).toEqual(expect.arrayContaining([a, b]));
});

it('stopped anywhere and started again, a study finds what it would have found', { timeout: 60_000 }, async () => {
  const study = {
    ...baselines,
    arms: () =>
      baselines
        .arms(size)
        .filter(({ name }) => ['network', 'shared', 'vote', 'debate', 'vote-independent'].includes(name)),
  };
  const run = async (stopAfter: number, lanes = 1) => {
    const engines = await Promise.all(Array.from({ length: lanes }, () => tinyEngine()));
    const placeOf = places();
    const file = emptyFile(study.name);
    let steps = 0;
    for (let start = 0; start < 40; start++) {
      const controller = new AbortController();
      await runStudy({
        study,
        file,
        engines,
        placeOf,
        settings: { engine: 'reference' },
        signal: controller.signal,
        save: async () => undefined,
        onEvent: (_, event) => {
          if (event.type === 'step' && ++steps % stopAfter === 0) controller.abort(new Error('stopped'));
        },
      });
      if (file.runs.length === 10) break;
    }
    return file;
  };
  const [whole, pieces] = [await run(1000), await run(4)];
  expect(whole.runs).toHaveLength(10);
  expect(timeless(pieces.runs)).toEqual(timeless(whole.runs));
  // Several runs at once, stopped and started as well.
  expect(timeless((await run(5, 3)).runs)).toEqual(timeless(whole.runs));

  const of = (arm: string) => whole.runs.find((record) => record.arm === arm);
  expect(of('network')?.cost.calls).toBe(3);
  expect(of('vote')?.cost.calls).toBe(3);
  expect(of('vote-independent')?.cost.calls).toBe(3);
  expect(of('vote-independent')?.parameters).toBe(of('network')?.parameters);
  expect(Object.keys(of('vote-independent')?.findings ?? {})).toEqual([
    'member 1 alone',
    'member 2 alone',
    'member 3 alone',
  ]);
  expect(of('debate')).toMatchObject({ steps: 0, parameters: 0, trainingCalls: 0, layers: [2, 2, 1] });
  expect(of('network')?.parameters).toBe(3 * (of('shared')?.parameters ?? 0));
  expect(of('network')?.trainingCalls).toBe(3 * 2 * 4 * 3);

  const { markdown, plots } = reportOf(study, whole);
  expect(markdown).toContain('| network 2-1 |');
  expect(markdown).toContain('2 seeds an arm: a hint, not a claim');
  for (const svg of Object.values(plots)) expect(svg).toMatch(/^<svg [^>]+>.*<\/svg>\n$/s);
  expect(cannotConclude(study, whole).join('\n')).toContain('single was not run');
});

it('stops all runs when one fails, and says why it did', { timeout: 30_000 }, async () => {
  const engines = [await tinyEngine(), await tinyEngine()];
  const file = emptyFile('baselines');
  const study = {
    ...baselines,
    arms: () => baselines.arms(size).filter(({ name }) => /^(network|single)$/.test(name)),
  };
  const stepped = new Set<string>();
  const failing = runStudy({
    study,
    file,
    engines,
    settings: { engine: 'reference' },
    save: async () => undefined,
    placeOf: (run) => {
      const place = places()(run);
      const full = () => Promise.reject(new Error('the disk is full'));
      return run.startsWith('single') ? { ...place, load: full } : place;
    },
    onEvent: (run, event) => {
      if (event.type === 'step') stepped.add(run);
    },
  });
  await expect(failing).rejects.toThrow('the disk is full');
  expect(file.runs).toEqual([]);
  for (const engine of engines) await engine.addNode({ id: '1.0', key: 1, rank: 1, alpha: 1, seed: 1 });
});

it('goes on with what won the last round of a search', { timeout: 30_000 }, async () => {
  const search = studies.get('search')!;
  const study = { ...search, arms: () => search.arms(size).filter(({ name }) => /^(2-1|3-1)-/.test(name)) };
  const stepped: Record<string, number[]> = {};
  const file = emptyFile('search');
  await runStudy({
    study: {
      ...study,
      more: (_, runs) =>
        runs.length < 4
          ? []
          : [
              {
                ...search.arms(size)[0]!,
                name: 'longer',
                continues: '2-1-rung-0',
                spec: { ...search.arms(size)[0]!.spec, training: { steps: 6 } },
              },
            ],
    },
    file,
    engines: [await tinyEngine()],
    settings: { engine: 'reference' },
    save: async () => undefined,
    placeOf: places(),
    onEvent: (run, event) => {
      if (event.type === 'step') (stepped[run] ??= []).push(event.step);
    },
  });
  expect(stepped['2-1-rung-0-seed-1']).toEqual([1, 2, 3]);
  expect(stepped['longer-seed-1']).toEqual([4, 5, 6]);
  const [first, longer] = ['2-1-rung-0', 'longer'].map((arm) =>
    file.runs.find((run) => run.arm === arm && run.seed === 1),
  );
  expect(longer?.curve.slice(0, 3)).toEqual(first?.curve);
});

it('draws labels that cannot be markup', () => {
  expect(escapeXml('<script>&"')).toBe('&#60;script&#62;&#38;&#34;');
  expect(barChart('a', [{ label: '<b>', values: [0.5] }])).not.toContain('<b>');
  expect(heatMap('a', ['r'], ['c'], () => 0.5)).toContain('0.50');
});

it('halves the field of a search by what was found, and only when all of it has run', () => {
  const study = studies.get('search')!;
  const first = study.arms(size).map(({ name }) => name);
  const runs: RunRecord[] = [];
  expect(study.more?.(size, runs)).toEqual([]);
  for (const seed of [1, 2]) {
    for (const [i, arm] of first.entries()) runs.push({ arm, seed, accuracy: i / 10 } as RunRecord);
  }
  expect(study.more?.(size, runs.slice(0, -1))).toEqual([]);
  const second = study.more?.(size, runs) ?? [];
  expect(second.map(({ name }) => name)).toEqual(['4-1-rung-1', '2-2-1-rung-1', '2-1-1-rung-1']);
  expect(second[0]?.spec.training?.steps).toBe(6);
  const finish = (arms: string[]): void => {
    for (const seed of [1, 2])
      for (const [i, arm] of arms.entries()) runs.push({ arm, seed, accuracy: i / 10 } as RunRecord);
  };
  finish(second.map(({ name }) => name));
  const third = (study.more?.(size, runs) ?? []).slice(second.length).map(({ name }) => name);
  expect(third).toEqual(['2-1-1-rung-2', '2-2-1-rung-2']);
  // One of two wins without another round.
  finish(third);
  expect(study.more?.(size, runs)).toHaveLength(second.length + third.length);
});

it('looks into a network and leaves it as it was', { timeout: 30_000 }, async () => {
  const spec = specOf(studies.get('specialisation')!.arms(size)[1]!, 1, size, { engine: 'reference' });
  const trainer = await Trainer.create({ spec, engine: await tinyEngine() });
  await trainer.step();
  const weights = async () => (await trainer.snapshot()).adapters.map((state) => [state.node, state.weights]);
  const before = await weights();
  const arm = studies.get('specialisation')!.arms(size)[1]!;
  const findings = { ...(await arm.inspect?.(trainer)), ...(await arm.watch?.(trainer)) };
  expect(await weights()).toEqual(before);
  expect(Object.keys(findings)).toEqual(
    expect.arrayContaining([
      'effect of 1.0 on level 3',
      'lost by swapping 1.0 and 1.1',
      '1.1 states the right',
      '2.0 form entropy (nats)',
    ]),
  );
  // All of it at once, with what is done so far; a reader who has seen enough stops it.
  const told: string[] = [];
  const stop = new AbortController();
  const all = await examine(trainer, 8, { signal: stop.signal, progress: (done, of) => told.push(`${done} of ${of}`) });
  expect(told).toEqual(Array.from({ length: 14 }, (_, done) => `${done} of 13`));
  expect(all['effect of 1.0 on level 3']).toBe(findings['effect of 1.0 on level 3']);
  const stopped = examine(trainer, 8, {
    signal: stop.signal,
    progress: (done) => {
      if (done === 12) stop.abort(new Error('seen enough'));
    },
  });
  await expect(stopped).rejects.toThrow('seen enough');
  expect(await weights()).toEqual(before);
  // A random model says something else nearly every time.
  expect(findings['1.0 distinct messages of 8']).toBeGreaterThan(4);
  expect(formOf('3+4=7,2*5=0')).toBe(formOf('1-9=2,8+8=6'));
});

it('edits a network in many ways and leaves it as it was', { timeout: 30_000 }, async () => {
  const [arm] = studies.get('edits')!.arms(size);
  const trainer = await Trainer.create({
    spec: specOf(arm!, 1, size, { engine: 'reference' }),
    engine: await tinyEngine(),
  });
  await trainer.step();
  const before = await trainer.snapshot();
  const findings = (await arm!.inspect?.(trainer)) ?? {};
  expect(Object.keys(findings)).toHaveLength(15);
  expect(findings['a node beside, silent']).toBe(findings['as it was']);
  expect(await trainer.snapshot()).toEqual(before);
});
