/**
 * Plays a recorded run back: the state that a page shows, at any of its steps, without an engine. Much of it is called
 * as in a Session, so that a page can show the one or the other.
 *
 * Events: `change` (the state is another one; at most once a microtask), `step` (a StepReport), `finished`.
 */
import type { Plan } from '../graph/plan.ts';
import type { Recording } from '../recording/decode.ts';
import { taskOf } from '../tasks/of.ts';
import type { StepReport, Transcript } from '../training/types.ts';
import { Board } from './board.ts';
import type { Presenter } from './drive.ts';
import { freshState, type SessionState, type Shown } from './state.ts';

/** At full speed a run lasts about so long, in milliseconds, and a step at least and at most so long. */
const FULL = { run: 20_000, least: 40, most: 400 };

export class Playback extends EventTarget {
  readonly recording: Recording;
  /** Shows each step before the next one; null plays at full speed. */
  presenter: Presenter | null = null;
  /** Steps that can be shown, rising. */
  readonly moments: readonly number[];
  readonly #board: Board;
  readonly #first: Recording['frames'][number];
  #at = 0;
  #shownStep = 0;
  /** Place of the problem on view among the fixed ones. */
  #problem = 0;
  #playing: Promise<void> | null = null;
  #stop = new AbortController();

  constructor(recording: Recording) {
    super();
    const [first] = recording.frames;
    if (!first) throw new RangeError('a recording without a frame cannot be shown');
    this.recording = recording;
    this.#first = first;
    const steps = [...recording.frames, ...recording.practice].map(({ step }) => step);
    this.moments = [...new Set(steps)].sort((a, b) => a - b);
    this.#board = new Board(freshState(recording.spec), (state) => {
      this.dispatchEvent(new CustomEvent('change', { detail: state }));
    });
    this.#show(0, 'test');
  }

  get state(): SessionState {
    return this.#board.state;
  }

  /** Place in `moments`. */
  get at(): number {
    return this.#at;
  }

  /** The step at which the messages on view were written: fixed problems are looked at less often than every step. */
  get shownStep(): number {
    return this.#shownStep;
  }

  /** Whether the recording knows what the network does without a node. */
  knowsWithout(node: string): boolean {
    return this.recording.blanks.has(node);
  }

  /** Plays until paused or at the end; from the beginning where it is at the end. */
  play(): Promise<void> {
    if (this.#playing) return this.#playing;
    if (this.#at >= this.moments.length - 1) this.#show(0, 'test');
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.#board.set({ activity: 'training', waitingFor: 'Playing the recording', blanked: [] });
    this.#playing = this.#run(signal).finally(() => {
      this.#playing = null;
      this.#board.set({ activity: 'idle', waitingFor: null });
    });
    return this.#playing;
  }

  async pause(): Promise<void> {
    this.#stop.abort();
    await this.#playing;
  }

  /** The next moment. */
  async step(): Promise<void> {
    await this.pause();
    if (this.#at < this.moments.length - 1) this.#advance(1);
  }

  /** Another of the fixed problems, at the same step. */
  async nextProblem(): Promise<void> {
    await this.pause();
    this.#problem++;
    this.#show(this.#at, 'test');
  }

  /** Shows what the network wrote for the fixed problem at a moment. */
  async seek(moment: number): Promise<void> {
    await this.pause();
    this.#show(Math.max(0, Math.min(this.moments.length - 1, Math.round(moment))), 'test');
  }

  /** What happens without a node's messages. It was found out of the trained network only, so it shows the end. */
  async blank(node: string, on: boolean): Promise<void> {
    await this.pause();
    this.#show(this.moments.length - 1, 'test');
    const blank = this.recording.blanks.get(node);
    if (!on || !blank) return;
    const { shown, step } = this.state;
    const transcript = blank.tests.find(({ problem }) => problem === shown?.transcript.problem);
    const { whole, blanked, problems } = blank;
    this.#board.set({
      blanked: [node],
      effects: { [node]: { whole, blanked, problems, step } },
      ...(transcript && { shown: { transcript, source: 'test' } }),
    });
  }

  dispose(): void {
    this.#stop.abort();
  }

  async #run(signal: AbortSignal): Promise<void> {
    const last = this.moments.length - 1;
    while (!signal.aborted && this.#at < last) {
      const pace = FULL.run / this.moments.length;
      this.#advance(this.presenter ? 1 : Math.ceil(FULL.least / Math.max(1, pace)));
      const transcript = this.state.shown?.transcript;
      if (this.presenter && transcript) await this.presenter(transcript, signal);
      else await pause(Math.min(FULL.most, Math.max(FULL.least, pace)), signal);
    }
    if (!signal.aborted) {
      this.dispatchEvent(new CustomEvent('finished', { detail: { step: this.state.step } }));
    }
  }

  #advance(by: number): void {
    const before = this.state.report;
    this.#show(Math.min(this.moments.length - 1, this.#at + by), 'practice');
    const { report } = this.state;
    if (report && report !== before) this.dispatchEvent(new CustomEvent('step', { detail: report }));
  }

  /** Everything as it was at a moment; of the problems, one that was practised then or one that is the same over time. */
  #show(moment: number, source: Shown['source']): void {
    const { recording } = this;
    const step = this.moments[moment] ?? 0;
    this.#at = moment;
    const frame = latest(recording.frames, step) ?? this.#first;
    const practice = latest(recording.practice, step);
    // A frame is taken after its step, and after what was decided then.
    const { plan, spec } = practice && practice.step > frame.step ? practice.form : frame.form;
    const report = practice && sameNodes(practice.form.plan, plan) ? practice.report : null;
    const test = frame.tests[this.#problem % Math.max(1, frame.tests.length)];
    const candidates: { step: number; shown: Shown | undefined }[] = [
      { step: frame.step, shown: test && frame.form.plan === plan ? { transcript: test, source: 'test' } : undefined },
      { step: practice?.step ?? 0, shown: practisedIn(report) },
    ];
    if (source === 'practice' && practice?.step === step) candidates.reverse();
    const on = candidates.find(({ shown }) => shown);
    this.#shownStep = on?.step ?? step;
    const shown = on?.shown ?? null;
    const history = historyOf(recording, test?.problem, step);
    this.#board.set({
      ...{ spec, plan, step, report, shown, history },
      task: taskOf(spec),
      adapter: adapterOf(recording),
      curve: recording.curve.slice(0, count(recording.curve, step)),
      evaluations: recording.evaluations.slice(0, count(recording.evaluations, step)),
      decisions: recording.decisions.filter((decision) => decision.step <= step),
      before: step > 0 && history[0]?.step === 0 && shown?.source === 'test' ? history[0].transcript : null,
      blanked: [],
      effects: this.#effects(moment, plan),
    });
  }

  /** What blanking does is known of the network at the end. */
  #effects(moment: number, plan: Plan): SessionState['effects'] {
    if (moment < this.moments.length - 1) return {};
    const { blanks, steps } = this.recording;
    const known = [...blanks].filter(([id]) => plan.nodes.some((node) => node.id === id));
    return Object.fromEntries(
      known.map(([id, { whole, blanked, problems }]) => [id, { whole, blanked, problems, step: steps }]),
    );
  }
}

function historyOf({ frames }: Recording, problem: string | undefined, step: number): SessionState['history'] {
  const entries: { step: number; transcript: Transcript }[] = [];
  for (const frame of frames) {
    if (frame.step > step) break;
    const transcript = frame.tests.find((test) => test.problem === problem);
    if (transcript) entries.push({ step: frame.step, transcript });
  }
  return entries;
}

/** How many items lie at or before a step; the items rise. */
function count(items: readonly { step: number }[], step: number): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((items[middle] as { step: number }).step <= step) low = middle + 1;
    else high = middle;
  }
  return low;
}

function practisedIn(report: StepReport | null): Shown | undefined {
  const transcript = report?.transcripts[0];
  return transcript && { transcript, source: 'practice' };
}

const latest = <T extends { step: number }>(items: readonly T[], step: number): T | undefined =>
  items[count(items, step) - 1];

const sameNodes = (a: Plan, b: Plan): boolean =>
  a.nodes.length === b.nodes.length && a.nodes.every(({ id }, i) => id === b.nodes[i]?.id);

/** The device it was made on, as if it were there. */
const adapterOf = ({ device }: Recording): SessionState['adapter'] => ({
  engine: device.engine,
  description: device.name,
  vendor: '',
  architecture: '',
  backend: '',
  software: false,
  features: [],
});

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
