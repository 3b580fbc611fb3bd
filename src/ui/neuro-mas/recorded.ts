/** A recording in the place of the live run: its picture, and what is said where one could not be opened. */
import { html, nothing, type TemplateResult } from 'lit';
import { recordingNamed } from '../../recording/catalogue.ts';
import { gate } from '../../nodes/gate.ts';
import type { RunSpec } from '../../spec.ts';
import { bytes, shown } from '../theme/words.ts';
import type { PlaybackController, RecordingSource } from './playback-controller.ts';

export interface RecordedContext {
  narrow: boolean;
  dark: boolean;
  controls: 'full' | 'minimal' | 'none';
  /** The trained network of the recording is at hand. */
  continuable: boolean;
  train: (spec: RunSpec, from: 'scratch' | 'here') => void;
  close: () => void;
}

/** What is played back; to be shown while `controller.on` is there. */
export function recorded(controller: PlaybackController, context: RecordedContext): TemplateResult {
  const { narrow, dark, controls, continuable, train, close } = context;
  return html`<nm-playback
    class="playback"
    exportparts="page, network, bar, recorded"
    .playback=${controller.on}
    .controls=${controls}
    ?narrow=${narrow}
    ?dark=${dark}
    ?continuable=${continuable}
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

/** Why a recording was not opened; where it is at another host, the button that agrees to it. */
export function recordingTrouble(
  controller: PlaybackController,
  open: (source: RecordingSource) => void,
): TemplateResult | typeof nothing {
  const { trouble } = controller;
  if (!trouble) return nothing;
  const { what, source, agree } = trouble;
  return html`<nm-notice
    kind=${agree === null ? 'error' : 'warning'}
    dismissible
    @dismiss=${() => {
      controller.forgetTrouble();
    }}
  >
    <b>The recording was not opened:</b> ${shown(what)}.
    ${
      agree === null
        ? nothing
        : html`<button
            slot="actions"
            class="primary"
            id="agree-recording"
            @click=${() => {
              gate.agree(agree);
              open(source);
            }}
          >
            Contact ${shown(new URL(agree).host, 80)} and open it
          </button>`
    }
  </nm-notice>`;
}

/** Bytes of the script that plays recordings, before compression; tests/e2e/recording.spec.ts holds it to what is fetched. */
const PLAYBACK_BYTES = 60_000;

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
