import { describe, expect, test } from 'vitest';
import { median, sampleOf, verdict } from './statistics.ts';

test('takes the middle, and the middle distance from it', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(sampleOf([1, 1, 2, 2, 4, 6, 9])).toEqual({ median: 2, mad: 1, runs: [1, 1, 2, 2, 4, 6, 9] });
  expect(() => median([])).toThrow('no values');
});

describe('verdict', () => {
  const steady = (time: number) => sampleOf([0.99, 1, 1.01, 1, 0.995].map((x) => x * time));

  test('tells a difference beyond the spread', () => {
    expect(verdict(steady(1), steady(0.8))).toBe('faster');
    expect(verdict(steady(1), steady(1.2))).toBe('slower');
  });

  test('tells none within it', () => {
    expect(verdict(steady(1), steady(1.015))).toBe('no difference');
    const noisy = sampleOf([0.7, 1, 1.3, 0.8, 1.2]);
    expect(verdict(noisy, sampleOf([0.9, 1.2, 1.5, 1, 1.4]))).toBe('no difference');
  });

  test('wants 2 % even of runs that are all alike, and more of few', () => {
    const exact = (time: number, runs = 5) => sampleOf(Array.from({ length: runs }, () => time));
    expect(verdict(exact(1), exact(1.015))).toBe('no difference');
    expect(verdict(exact(1), exact(1.03))).toBe('slower');
    expect(verdict(exact(1, 2), exact(1.2, 2))).toBe('no difference');
    expect(verdict(exact(1, 2), exact(0.7, 2))).toBe('faster');
  });
});
