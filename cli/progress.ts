import { SingleBar } from 'cli-progress';
import type { CurvePoint } from '../src/training/types.ts';
import type { LoadProgress } from '../workers/engine-api.ts';
import { size } from '../workers/engine/weights/store.ts';
import { duration } from './text.ts';

/** Steps whose mean time predicts the rest. */
const RECENT = 10;

/** Progress of a run: a bar on a terminal, otherwise a line whenever a hundredth of the steps is done. */
export class Progress {
  readonly #total: number;
  readonly #bar: SingleBar | null;
  readonly #times: number[] = [];
  #heldOut = '';
  #lastPercent = -1;

  constructor(done: number, total: number, terminal = process.stdout.isTTY) {
    this.#total = total;
    this.#bar = terminal
      ? new SingleBar({
          format: '{bar} {value}/{total}  reward {reward}  accuracy {accuracy}{heldOut}  {left}',
          barsize: 24,
          hideCursor: true,
          stream: process.stdout,
          gracefulExit: false,
        })
      : null;
    this.#bar?.start(total, done, { reward: '–', accuracy: '–', heldOut: '', left: '' });
  }

  /** Held-out accuracy was measured. */
  measured(step: number, accuracy: number): void {
    this.#heldOut = `  held-out ${accuracy.toFixed(3)}`;
    if (this.#bar) this.#bar.update({ heldOut: this.#heldOut });
    else console.log(`step ${step}/${this.#total}${this.#heldOut}`);
  }

  step({ step, reward, accuracy, seconds }: CurvePoint): void {
    this.#times.push(seconds);
    if (this.#times.length > RECENT) this.#times.shift();
    const mean = this.#times.reduce((sum, time) => sum + time, 0) / this.#times.length;
    const shown = {
      reward: reward.toFixed(3),
      accuracy: accuracy.toFixed(3),
      left: `${duration((this.#total - step) * mean)} left`,
    };
    this.#bar?.update(step, { ...shown, heldOut: this.#heldOut });
    const percent = Math.floor((100 * step) / this.#total);
    if (!this.#bar && percent > this.#lastPercent) {
      this.#lastPercent = percent;
      console.log(`step ${step}/${this.#total}  reward ${shown.reward}  accuracy ${shown.accuracy}  ${shown.left}`);
    }
  }

  stop(): void {
    this.#bar?.stop();
  }
}

/** Progress of a download, on stderr: one line that is written over on a terminal, otherwise one for every tenth. */
export class DownloadProgress {
  readonly #host: string;
  readonly #terminal: boolean;
  #lastTenth = -1;

  constructor(host: string, terminal = process.stderr.isTTY) {
    this.#host = host;
    this.#terminal = terminal;
  }

  report({ phase, loadedBytes, totalBytes, secondsLeft }: LoadProgress): void {
    if (phase.startsWith('waiting')) this.#write('Waiting for another process, which downloads the model.\n');
    if (phase !== 'downloading the model') return;
    const tenth = Math.floor((10 * loadedBytes) / totalBytes);
    if (!this.#terminal && tenth === this.#lastTenth) return;
    this.#lastTenth = tenth;
    const left = secondsLeft === undefined ? '' : `, ${duration(secondsLeft)} left`;
    const end = loadedBytes === totalBytes || !this.#terminal ? '\n' : '';
    this.#write(`The model of ${this.#host}: ${size(loadedBytes)} of ${size(totalBytes)}${left}${end}`);
  }

  #write(line: string): void {
    process.stderr.write(this.#terminal ? `\r\x1b[K${line}` : line);
  }
}
