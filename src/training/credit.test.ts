import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignCredit, leaveOneOut, MOVING_AVERAGE_DECAY, standardised } from './credit.ts';

const groups = fc.tuple(fc.integer({ min: 2, max: 8 }), fc.integer({ min: 1, max: 5 })).chain(([samples, problems]) =>
  fc.record({
    samples: fc.constant(samples),
    rewards: fc.array(fc.float({ min: -2, max: 2, noNaN: true }), {
      minLength: samples * problems,
      maxLength: samples * problems,
    }),
  }),
);

describe('leave-one-out', () => {
  it('is the reward less the mean of the others of its group', () => {
    expect([...leaveOneOut([1, 0, 0, 0, 1, 1, 1, 1], 4)].map((a) => Math.round(a * 1e6) / 1e6)).toEqual([
      1, -0.333333, -0.333333, -0.333333, 0, 0, 0, 0,
    ]);
  });

  it('agrees with its definition and sums to nothing in each group', () => {
    fc.assert(
      fc.property(groups, ({ samples, rewards }) => {
        const advantages = leaveOneOut(rewards, samples);
        for (let i = 0; i < rewards.length; i++) {
          const first = i - (i % samples);
          const others = rewards.slice(first, first + samples).filter((_, j) => first + j !== i);
          const mean = others.reduce((a, b) => a + b, 0) / others.length;
          expect(advantages[i]).toBeCloseTo((rewards[i] ?? NaN) - mean, 5);
        }
        for (let first = 0; first < rewards.length; first += samples) {
          expect(advantages.slice(first, first + samples).reduce((a, b) => a + b, 0)).toBeCloseTo(0, 4);
        }
      }),
    );
  });
});

describe('standardised', () => {
  it('has mean 0 and deviation 1 in each group, and 0 where all agree', () => {
    // Rewards 1, 0, 0, 0: mean 1/4, deviation 1/2.
    const advantages = [...standardised([1, 0, 0, 0, 1, 1, 1, 1], 4)];
    const expected = [1.5, -0.5, -0.5, -0.5].map((a) => a / (1 + 2e-4));
    expected.forEach((value, i) => expect(advantages[i]).toBeCloseTo(value, 6));
    expect(advantages.slice(4)).toEqual([0, 0, 0, 0]);
  });

  it('does not depend on the scale of the rewards', () => {
    const rewards = [3, 1, 0, 2];
    const scaled = standardised(
      rewards.map((r) => 1000 * r + 7),
      4,
    );
    standardised(rewards, 4).forEach((a, i) => expect(scaled[i]).toBeCloseTo(a, 3));
  });
});

describe('moving average', () => {
  it('starts at the first step’s mean and follows at its rate', () => {
    const first = assignCredit('moving-average', [1, 0, 0, 0], 4, {});
    expect([...first.advantages]).toEqual([0.75, -0.25, -0.25, -0.25]);
    expect(first.state).toEqual({ reward: 0.25 });
    const second = assignCredit('moving-average', [1, 1, 1, 1], 4, first.state);
    expect([...second.advantages]).toEqual([0.75, 0.75, 0.75, 0.75]);
    expect(second.state.reward).toBeCloseTo(MOVING_AVERAGE_DECAY * 0.25 + (1 - MOVING_AVERAGE_DECAY), 12);
  });
});

it('keeps state only where the baseline remembers', () => {
  expect(assignCredit('leave-one-out', [1, 0], 2, { reward: 0.5 }).state).toEqual({});
  expect(assignCredit('standardised', [1, 0], 2, { reward: 0.5 }).state).toEqual({});
});

it.each([
  [[1, 0, 1], 2, '3 rewards do not fill groups of 2'],
  [[], 2, '0 rewards do not fill groups of 2'],
  [[1], 1, 'a group has at least 2'],
  [[1, NaN], 2, 'the reward of rollout 1 is NaN'],
])('rejects rewards %j in groups of %i', (rewards, samples, message) => {
  expect(() => assignCredit('leave-one-out', rewards, samples, {})).toThrow(message);
});
