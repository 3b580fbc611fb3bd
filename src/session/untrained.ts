import type { EngineApi } from '../../workers/engine-api.ts';
import { namespaced } from '../nodes/namespace.ts';

/**
 * The same engine for a second network beside the first: the untrained twin, which still writes what the network wrote
 * before training. The engine belongs to the network that was there first.
 */
export const twinOf = (engine: EngineApi): EngineApi => namespaced(engine, 'untrained/');
