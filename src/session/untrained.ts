import type { EngineApi } from '../../workers/engine-api.ts';
import { namespaced } from '../nodes/namespace.ts';

/**
 * The same engine for a second network beside the first: the untrained twin, which still writes what the network wrote
 * before training. The engine belongs to the network that was there first.
 */
export const twinOf = (engine: EngineApi): EngineApi => namespaced(engine, 'untrained/');

/** The same for a copy of the network that is looked into, so that nothing that is tried can hurt the network itself. */
export const copyOf = (engine: EngineApi): EngineApi => namespaced(engine, 'examined/');
