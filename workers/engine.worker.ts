import { expose } from 'comlink';
import { openChoiceMemory } from './engine/choice-memory.ts';
import { servedEngine } from './engine/served.ts';
import { usableCacheStore } from './engine/weights/cache-store.ts';

expose(servedEngine(async () => ({ store: await usableCacheStore(), choices: openChoiceMemory })));
