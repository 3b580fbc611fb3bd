/** The head of the page: name, presets, share, theme, and the sentence on top. */
import { html, nothing, type TemplateResult } from 'lit';
import { presets } from '../../presets.ts';
import { recordings } from '../../recording/catalogue.ts';
import type { SessionState } from '../../session/state.ts';
import { icons } from '../theme/icons.ts';
import { presetOf, sentence } from './view.ts';

/** Before the names of recordings, in the menu: a preset may have the same name. */
const WATCH = 'watch:';

export interface HeaderContext {
  state: SessionState;
  dark: boolean;
  /** Something just done, in a few words. */
  toast: string;
  /** Of a recording that is on view; null for the live run. */
  recorded: { lead: string; rest: string; lookFor: string } | null;
  /** Name of the recording on view, where it is one of ours. */
  recording: string | null;
  choosePreset: (name: string) => void;
  watch: (recording: string) => void;
  /** Null where there is no address to share. */
  share: (() => void) | null;
  toggleTheme: () => void;
  openRuns: () => void;
  openStudies: () => void;
  startTour: () => void;
  /** It has not been taken here, nor is it on. */
  offerTour: boolean;
}

export function header(context: HeaderContext): TemplateResult {
  const { state, dark, recorded } = context;
  const current = presetOf(state.spec);
  const presetLookFor = Object.entries(presets).find(([name]) => name === current)?.[1].lookFor;
  const live = { ...sentence(state), lookFor: presetLookFor ?? state.task.description };
  const { lead, rest, lookFor } = recorded ?? live;
  return html`<header>
    <div class="top">
      <span class="brand">NeuroMAS <span>Sandbox</span></span>
      <div class="preset">
        <label for="preset">Show</label>
        <select
          id="preset"
          @change=${(event: Event) => {
            const { value } = event.target as HTMLSelectElement;
            if (value.startsWith(WATCH)) context.watch(value.slice(WATCH.length));
            else context.choosePreset(value);
          }}
        >
          ${current === null && !recorded ? html`<option value="" selected>A run of your own</option>` : nothing}
          ${recorded && context.recording === null ? html`<option value="" selected>A recording</option>` : nothing}
          <optgroup label="Train it here">
            ${Object.entries(presets).map(
              ([name, { title }]) =>
                html`<option value=${name} .selected=${!recorded && name === current}>${title}</option>`,
            )}
          </optgroup>
          <optgroup label="Watch a recorded run">
            ${Object.entries(recordings).map(
              ([name, { title }]) =>
                html`<option value=${WATCH + name} .selected=${recorded !== null && name === context.recording}>
                  ${title}
                </option>`,
            )}
          </optgroup>
        </select>
      </div>
      <span class="space"></span>
      <span class="toast" role="status">${context.toast}</span>
      ${
        context.share
          ? html`<button id="share" title="Copy a link that opens exactly this run" @click=${context.share}>
              ${icons.share} Share
            </button>`
          : nothing
      }
      <button id="runs" title="Stored runs: open, compare, name, export, delete" @click=${context.openRuns}>
        ${icons.list} Runs
      </button>
      <button
        id="studies"
        title="What these networks can do, measured; and who does what in yours"
        @click=${context.openStudies}
      >
        ${icons.compare} Studies
      </button>
      <button
        id="tour"
        class=${context.offerTour ? 'primary' : ''}
        title="A guided tour of six steps, on the live network"
        @click=${context.startTour}
      >
        ${icons.help} ${context.offerTour ? 'New here? Take the tour' : 'Tour'}
      </button>
      <button id="theme" @click=${context.toggleTheme}>
        ${dark ? icons.light : icons.dark} ${dark ? 'Light' : 'Dark'}
      </button>
    </div>
    <div class="lead">
      <h1>${lead} <span>${rest}</span></h1>
      <p>${lookFor}</p>
    </div>
  </header>`;
}
