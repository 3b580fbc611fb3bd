import { expose } from 'comlink';
import { rewardWorker } from './reward/serve.ts';

expose(rewardWorker());
