/** What a page says and offers while a recording is on view. */
import { html, type TemplateResult } from 'lit';
import type { Recording } from '../../recording/decode.ts';
import type { Playback } from '../../session/playback.ts';
import { duration, shown } from '../theme/words.ts';

const engines = { webgpu: 'on WebGPU', reference: 'with the TypeScript engine' };

/** `24 November 2026`, as the reader writes dates. */
export const madeOn = ({ created }: Recording): string =>
  new Date(created).toLocaleDateString(undefined, { dateStyle: 'long' });

/** In the place of other notices: it cannot be taken for a live run. */
export function recordedNotice({ recording }: Playback, train: () => void): TemplateResult {
  const { device } = recording;
  return html`<nm-notice>
    <b>This is a recording</b> of ${madeOn(recording)}, made ${engines[device.engine]} on ${shown(device.name, 120)}.
    Nothing is computed here.
    <button slot="actions" id="train-here" @click=${train}>Train it here</button>
  </nm-notice>`;
}

/** The same for an embed, in one line. */
export const recordedLine = ({ recording }: Playback): TemplateResult =>
  html`<p class="recorded" part="recorded">
    Recording, ${madeOn(recording)}, ${shown(recording.device.name, 60)}
  </p>`;

export const scrubber = (playback: Playback): TemplateResult =>
  html`<nm-scrubber
    .moments=${playback.moments}
    .at=${playback.at}
    @seek=${({ detail }: CustomEvent<number>) => void playback.seek(detail)}
  ></nm-scrubber>`;

/** In the place of the settings. */
export function facts({ recording }: Playback): TemplateResult {
  const { spec, seconds, steps, name, device } = recording;
  const { task, graph, training, sampling, seed } = spec;
  const rows: [string, string][] = [
    ['Task', `${task.name}, level ${task.level}`],
    ['Network', `${graph.layers.join('-')} of ${shown(spec.model, 40)}`],
    ['Seed', String(seed)],
    ['Each step', `${training.problems} problems × ${training.samples} tries`],
    ['Learning rate', String(training.learningRate)],
    ['Message', `${sampling.maxNewTokens} tokens at most`],
    ['Steps', `${steps}, in ${duration(seconds)}`],
    ['Made on', `${shown(device.name, 120)}, ${madeOn(recording)}`],
  ];
  return html`<h2>${shown(name, 80)}</h2>
    <dl class="facts">${rows.map(([term, text]) => html`<dt>${term}</dt><dd>${text}</dd>`)}</dl>`;
}
