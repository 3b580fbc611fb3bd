import { expose } from 'comlink';
import { servedEngine } from './engine/served.ts';
import { usableCacheStore } from './engine/weights/cache-store.ts';

expose(servedEngine(async () => ({ store: await usableCacheStore() })));
