/** Both engines are held to what PyTorch computes: see tests/pytorch.ts. */
import { describe } from 'vitest';
import { noDevice, testGpu } from '../../tests/gpu.ts';
import { describePyTorch } from '../../tests/pytorch.ts';
import { createReferenceBackend } from '../reference/index.ts';
import { createWebGpuBackend } from './webgpu.ts';

describePyTorch('the reference engine in float64', (weights) => createReferenceBackend(weights, 'float64'));
describePyTorch('the reference engine', createReferenceBackend);

describe.skipIf(await noDevice())('WebGPU', () => {
  describePyTorch('the WebGPU engine', (weights) => createWebGpuBackend(weights, testGpu()));
});
