/**
 * Property tests draw the same cases every time, so that a red run is about the change at hand. Others are drawn with
 * FC_SEED=… npx vitest run; fast-check prints the seed of a failure.
 */
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env['FC_SEED'] ?? 20261122) });
