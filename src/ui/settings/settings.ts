import { html, LitElement, nothing } from 'lit';
import { property } from 'lit/decorators.js';
import type { RunSpec } from '../../spec.ts';
import { tasks } from '../../tasks/index.ts';
import type { Task } from '../../tasks/task.ts';
import type { Settings } from '../../training/settings.ts';
import { controls } from '../theme/controls.styles.ts';
import { place } from '../theme/place.ts';
import { icons } from '../theme/icons.ts';
import { shown } from '../theme/words.ts';
import { styles } from './settings.styles.ts';

/** One slider: stops that can be chosen, or any whole numbers of a range. */
interface Dial {
  id: string;
  label: string;
  title: string;
  stops: readonly number[];
  read: (spec: RunSpec) => number;
  write: (value: number) => Settings;
  show?: (value: number) => string;
}

const whole = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

const dials: Dial[] = [
  {
    id: 'rate',
    label: 'Learning rate',
    title: 'How far each step moves the nodes. Too high, and they forget how to write.',
    stops: [1e-4, 2e-4, 5e-4, 1e-3, 1.5e-3, 2e-3, 3e-3, 5e-3, 1e-2],
    read: (spec) => spec.training.learningRate,
    write: (learningRate) => ({ training: { learningRate } }),
    show: (value) => String(value),
  },
  {
    id: 'problems',
    label: 'Problems',
    title: 'How many practice problems each step learns from.',
    stops: [2, 4, 8, 16, 32, 64],
    read: (spec) => spec.training.problems,
    write: (problems) => ({ training: { problems } }),
  },
  {
    id: 'group',
    label: 'Tries each',
    title: 'The size of a group: each try is compared with the other tries at the same problem.',
    stops: [2, 4, 8, 16, 32],
    read: (spec) => spec.training.samples,
    write: (samples) => ({ training: { samples } }),
  },
  {
    id: 'limit',
    label: 'Message limit',
    title:
      'How many tokens a node may write; of the built-in models a token is a character. Short messages make the nodes depend on each other.',
    stops: [...whole(2, 32), 48, 64, 96, 128, 192, 256],
    read: (spec) => spec.sampling.maxNewTokens,
    write: (maxNewTokens) => ({ sampling: { maxNewTokens } }),
  },
  {
    id: 'temperature',
    label: 'Temperature',
    title: 'How freely nodes try things while they practise. Tests always take the likeliest character.',
    stops: whole(2, 20).map((tenths) => tenths / 10),
    read: (spec) => spec.sampling.temperature,
    write: (temperature) => ({ sampling: { temperature } }),
    show: (value) => value.toFixed(1),
  },
];

/**
 * Seed, level and the settings that may change while a network trains.
 *
 * @event settings-change - `detail` is a `Settings`
 * @event reward-open - the reader wants to see or write the reward function
 * @event data-ask - the reader wants to give questions of their own
 * @event task-choose - `detail` is the name of a task; it begins a new run
 * @event model-ask - the reader wants to choose another model
 * @event seed-change - `detail` is the new seed; it begins a new run
 */
export class NmSettings extends LitElement {
  static override styles = [controls, styles];

  @property({ attribute: false }) spec: RunSpec | null = null;
  @property({ attribute: false }) task: Task | null = null;
  /** Steps done: a new seed would throw them away. */
  @property({ type: Number }) step = 0;

  #settings(detail: Settings): void {
    this.dispatchEvent(new CustomEvent('settings-change', { detail, bubbles: true, composed: true }));
  }

  #seed(detail: number): void {
    this.dispatchEvent(new CustomEvent('seed-change', { detail, bubbles: true, composed: true }));
  }

  #chooseTask(select: HTMLSelectElement): void {
    const { value } = select;
    // It becomes another one only when a run with it has begun.
    select.value = this.spec?.task.name ?? '';
    if (value === OWN) this.dispatchEvent(new CustomEvent('data-ask', { bubbles: true, composed: true }));
    else this.dispatchEvent(new CustomEvent('task-choose', { detail: value, bubbles: true, composed: true }));
  }

  #typedSeed(event: Event): void {
    const input = event.target as HTMLInputElement;
    if (input.validity.valid && input.value !== '') this.#seed(input.valueAsNumber);
    else input.value = String(this.spec?.seed ?? 1);
  }

  protected override render() {
    const { spec, task } = this;
    if (!spec || !task) return null;
    const newRun =
      this.step > 0 ? 'Begins a new, untrained run' : 'The same seed gives the same run on the same machine';
    return html`
      <div class="row model">
        <span>Model</span>
        <b class="name" title=${shown(spec.model, 500)}>${shown(nameOf(spec.model), 60)}</b>
        <button
          id="model"
          title="Choose the model of all nodes; begins a new run"
          @click=${() => this.dispatchEvent(new CustomEvent('model-ask', { bubbles: true, composed: true }))}
        >
          Choose
        </button>
      </div>
      <div class="row seed">
        <label for="seed">Seed</label>
        <input
          id="seed"
          type="number"
          min="0"
          max="4294967295"
          step="1"
          inputmode="numeric"
          title=${newRun}
          .value=${String(spec.seed)}
          @change=${(event: Event) => {
            this.#typedSeed(event);
          }}
        />
        <button
          title=${newRun}
          @click=${() => {
            this.#seed(1 + Math.floor(Math.random() * 9999));
          }}
        >
          ${icons.dice} New
        </button>
      </div>
      <div class="row level" title="What the network is asked; another task begins a new run.">
        <label for="task">Task</label>
        <select
          id="task"
          @change=${(event: Event) => {
            this.#chooseTask(event.target as HTMLSelectElement);
          }}
        >
          <optgroup label="For the built-in models">${taskOptions(spec, false)}</optgroup>
          <optgroup label="In English, for models you download">${taskOptions(spec, true)}</optgroup>
          <optgroup label="Your own">
            ${spec.data ? html`<option value=${spec.task.name} selected>${shown(task.title, 60)}</option>` : nothing}
            <option value=${OWN}>Questions from a file…</option>
          </optgroup>
        </select>
      </div>
      <div class="row level">
        <label for="level">Level</label>
        <select
          id="level"
          @change=${(event: Event) => {
            this.#settings({ task: { level: Number((event.target as HTMLSelectElement).value) } });
          }}
        >
          ${task.levels.map(
            ({ level, label }) =>
              html`<option value=${level} .selected=${level === spec.task.level}>${level} – ${label}</option>`,
          )}
        </select>
      </div>
      ${dials.map((dial) => this.#dial(dial, spec))}
      <div
        class="row reward"
        title="What the network is rewarded for: the task says, or a function or a model of yours."
      >
        <span>Reward</span>
        <span>${rewardName(spec)}</span>
        <button id="reward" @click=${() => this.dispatchEvent(new CustomEvent('reward-open'))}>
          ${spec.reward ? 'Show' : 'Write one'}
        </button>
      </div>
    `;
  }

  #dial({ id, label, title, stops, read, write, show = String }: Dial, spec: RunSpec) {
    const value = read(spec);
    // A value from a link need not be one of the stops: the slider then stands at the nearest.
    const at = stops.reduce(
      (best, stop, i) => (distance(stop, value) < distance(stops[best] ?? 0, value) ? i : best),
      0,
    );
    return html`<div class="row dial" title=${title}>
      <label for=${id}>${label}</label>
      <input
        id=${id}
        type="range"
        min="0"
        max=${stops.length - 1}
        step="1"
        .value=${String(at)}
        aria-valuetext=${show(value)}
        ${place({ '--fill': `${(at / (stops.length - 1)) * 100}%` })}
        @input=${(event: Event) => {
          const stop = stops[(event.target as HTMLInputElement).valueAsNumber];
          if (stop !== undefined) this.#settings(write(stop));
        }}
      />
      <output for=${id} class="number">${show(value)}</output>
    </div>`;
  }
}

/** In the place of a task's name: the reader has questions of their own. */
const OWN = 'own';

const taskOptions = ({ task }: RunSpec, english: boolean) =>
  [...tasks.values()]
    .filter((one) => (one.english ?? false) === english)
    .map(({ name, title }) => html`<option value=${name} .selected=${name === task.name}>${title}</option>`);

/** `Qwen3-0.6B` of `Qwen/Qwen3-0.6B`, and of an address its last part. */
const nameOf = (model: string): string => model.replace(/\/+$/, '').split('/').at(-1) ?? model;

const distance = (a: number, b: number): number => Math.abs(a - b);

/** What a run is rewarded for, in two words. */
function rewardName({ reward }: RunSpec): string {
  if (!reward) return 'right answers';
  return reward.judge ? `a model: ${reward.judge.kind}` : 'own function';
}
