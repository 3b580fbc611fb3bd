import { expose } from 'comlink';
import { servedEngine } from './engine/served.ts';
import { openCacheStore } from './engine/weights/cache-store.ts';

expose(servedEngine(() => ({ store: openCacheStore() })));
