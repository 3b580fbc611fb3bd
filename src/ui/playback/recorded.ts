/** What is said of a recording: that it is one, of when and of what device; what ran; what was decided on the way. */
import { html, type TemplateResult } from 'lit';
import type { Recording } from '../../recording/decode.ts';
import { day, duration, shown } from '../theme/words.ts';

const engines = { webgpu: 'on WebGPU', reference: 'with the TypeScript engine' };

const madeOn = ({ created }: Recording): string => day(new Date(created));

/** One sentence that keeps it from being taken for a live run. */
export function label(recording: Recording): TemplateResult {
  const { device } = recording;
  return html`<b>This is a recording</b> of ${madeOn(recording)}, made ${engines[device.engine]} on
    ${shown(device.name, 120)}. Nothing is computed here.`;
}

/** Where there is no GPU: why a recording is shown first, and what the reader who wants to train has to expect. */
export function slowly({ device, seconds, steps }: Recording): TemplateResult {
  const pace = seconds / steps;
  const there =
    device.engine === 'reference' && Number.isFinite(pace)
      ? html` There a step took ${duration(pace)}; here its pace is shown.`
      : html` Its pace is shown.`;
  return html`It is shown because this browser gives the page no GPU (WebGPU). The same network can learn here on the
  processor.${there}`;
}

/** That it is one, in one line, for embeds. */
export const shortLabel = (recording: Recording): TemplateResult =>
  html`<b>Recording</b> of ${madeOn(recording)}, ${shown(recording.device.name, 60)}`;

/** In the place of the settings. */
export function facts(recording: Recording): TemplateResult {
  const { spec, seconds, steps, device } = recording;
  const { task, graph, training, sampling, seed } = spec;
  const rows: [string, string][] = [
    ['Task', `${task.name}, level ${task.level}`],
    ['Began as', `layers ${graph.layers.join('-')} of ${shown(spec.model, 40)}`],
    ['Seed', String(seed)],
    ['Each step', `${training.problems} problems × ${training.samples} tries`],
    ['Learning rate', String(training.learningRate)],
    ['Message', `at most ${sampling.maxNewTokens} tokens`],
    ['Took', `${duration(seconds)} for ${steps} steps`],
    ['Made on', shown(device.name, 120)],
    ['Date', madeOn(recording)],
  ];
  return html`<dl class="facts">
    ${rows.map(
      ([term, text]) =>
        html`<dt>${term}</dt>
          <dd>${text}</dd>`,
    )}
  </dl>`;
}
