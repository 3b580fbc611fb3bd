/** A recording in the place of the live run: its picture, and what is said where one could not be opened. */
import { html, type TemplateResult } from 'lit';
import { recordingNamed } from '../../recording/catalogue.ts';
import type { Hideable } from '../../session/hidden.ts';
import type { RunSpec } from '../../spec.ts';
import { bytes, shown } from '../theme/words.ts';
import type { PlaybackController } from './playback-controller.ts';

export interface RecordedContext {
  narrow: boolean;
  dark: boolean;
  hidden: readonly Hideable[];
  controls: 'full' | 'minimal' | 'none';
  /** It is shown because there is no GPU. */
  withoutGpu: boolean;
  /** The trained network of the recording is at hand. */
  continuable: boolean;
  train: (spec: RunSpec, from: 'scratch' | 'here') => void;
  close: () => void;
}

/** What is played back; to be shown while `controller.on` is there. */
export function recorded(controller: PlaybackController, context: RecordedContext): TemplateResult {
  const { narrow, dark, hidden, controls, continuable, withoutGpu, train, close } = context;
  return html`<nm-playback
    class="playback"
    exportparts="page, network, bar, recorded"
    .playback=${controller.on}
    controls=${controls}
    ?narrow=${narrow}
    ?dark=${dark}
    hide=${hidden.join(' ')}
    ?continuable=${continuable}
    ?withoutgpu=${withoutGpu}
    @train-it=${({ detail }: CustomEvent<'scratch' | 'here'>) => {
      if (controller.on) train(controller.on.recording.spec, detail);
    }}
    @playback-close=${close}
  ></nm-playback>`;
}

/** The heading over a recording. */
export function headingOf(controller: PlaybackController): { lead: string; rest: string; lookFor: string } | null {
  const { on, source } = controller;
  if (!on) return null;
  const listed = source === null ? undefined : recordingNamed(source);
  const rest = 'A recorded run: press play, or move to any step.';
  return listed
    ? { lead: `${listed.title}.`, rest, lookFor: listed.lookFor }
    : { lead: `${shown(on.recording.name, 80)}.`, rest, lookFor: on.state.task.description };
}

/** Bytes of the script that plays recordings, before compression; tests/e2e/embed.spec.ts holds it to what is fetched. */
const PLAYBACK_BYTES = 34_500;

/** What a poster says of a recording before anything of it is loaded. */
export function posterOf(source: string): { lead: string; action: string; size: string } {
  const listed = recordingNamed(source);
  return {
    lead: listed ? `${listed.title}.` : 'A recorded run of a network of small language models.',
    action: 'Watch the recording',
    size: listed
      ? `Loads ${bytes(listed.bytes + PLAYBACK_BYTES)}; nothing is computed here.`
      : `Loads a recording from ${shown(source, 80)}; nothing is computed here.`,
  };
}

/** The same for a trained network. */
export const bundlePosterOf = (source: string): ReturnType<typeof posterOf> => ({
  lead: 'A trained network of small language models.',
  action: 'Try it',
  size: `Loads it from ${shown(source, 80)}, and the engine.`,
});
