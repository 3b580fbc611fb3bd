import type { Runtime } from './runtime.ts';
import { PassTimer } from './timer.ts';

/** The best of so many counts: what is possible. */
const MEASUREMENTS = 5;
const MOST_REPEATS = 512;

/**
 * Seconds of what `encode` puts into a pass: the least of some measurements, each of as many repeats as last `seconds`. By the
 * device's own clock where it has one (timestamp queries), else by the wall's. `last` is a buffer that is written.
 */
export async function fastest(
  runtime: Runtime,
  encode: (pass: GPUComputePassEncoder) => void,
  last: GPUBuffer,
  seconds: number,
): Promise<number> {
  const timer = new PassTimer(runtime.device);
  const measure = async (repeats: number) => {
    const encoder = runtime.device.createCommandEncoder({ label: 'measured' });
    const start = performance.now();
    const pass = timer.begin(encoder, 'measured');
    for (let i = 0; i < repeats; i++) encode(pass);
    pass.end();
    timer.resolve(encoder);
    await runtime.readBack(encoder, [{ buffer: last, bytes: 16 }]);
    const wall = (performance.now() - start) / 1000;
    // Clocks of some drivers tick coarsely or not at all.
    return (await timer.read())['measured'] || wall;
  };
  try {
    await measure(1);
    let repeats = 1;
    let elapsed = await measure(repeats);
    while (elapsed < seconds && repeats < MOST_REPEATS) {
      repeats *= 2;
      elapsed = await measure(repeats);
    }
    let best = elapsed;
    for (let i = 1; i < MEASUREMENTS; i++) best = Math.min(best, await measure(repeats));
    return best / repeats;
  } finally {
    timer.destroy();
  }
}
