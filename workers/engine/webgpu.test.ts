import { describe } from 'vitest';
import { noDevice, testGpu } from '../../tests/gpu.ts';
import { describeParity } from '../../tests/parity.ts';
import { createWebGpuBackend } from './webgpu.ts';

describe.skipIf(await noDevice())('WebGPU', () => {
  describeParity('the WebGPU backend', (weights) => createWebGpuBackend(weights, testGpu()));
});
