import { SingleBar } from 'cli-progress';
import type { CurvePoint } from '../src/training/types.ts';
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
