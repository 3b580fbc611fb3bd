/** What the page has to tell besides the picture: one notice at a time, the most pressing first. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Session } from '../../session/session.ts';
import type { RunSpec } from '../../spec.ts';
import type { SessionState } from '../../session/state.ts';
import { shown } from '../theme/words.ts';
import { answers } from './agreement.ts';

export interface NoticeContext {
  session: Session;
  state: SessionState;
  /** What is wrong with the link the page was opened with, or with its attributes. */
  badStart: string | null;
  forgetBadStart: () => void;
  /** What a link that was just shared cannot say. */
  hint: string | null;
  forgetHint: () => void;
  /** Notices that were dismissed, by kind. */
  seen: ReadonlySet<string>;
  see: (kind: string) => void;
  open: { runs: () => void; reward: () => void; data: () => void };
}

export function notices(context: NoticeContext): TemplateResult | typeof nothing {
  const { session, state, badStart, seen } = context;
  if (state.trouble) {
    const { what, remedy, agree, full, reward, memory } = state.trouble;
    return html`<nm-notice
      kind=${agree !== undefined || full || reward === 'unread' || memory?.proposal ? 'warning' : 'error'}
      dismissible
      @dismiss=${() => {
        session.dismissTrouble();
      }}
    >
      <b>${shown(what)}</b> ${remedy} ${answers(session, state.trouble, context.open)}
    </nm-notice>`;
  }
  if (badStart) {
    return html`<nm-notice kind="error" dismissible @dismiss=${context.forgetBadStart}>
      <b>${shown(badStart)}</b> The default run is shown instead.
    </nm-notice>`;
  }
  if (context.hint !== null) {
    return html`<nm-notice dismissible @dismiss=${context.forgetHint}>${context.hint}</nm-notice>`;
  }
  if (state.resumable && state.step === 0 && state.activity === 'idle') return offer(context);
  if (state.recovered) {
    const { what, step } = state.recovered;
    return html`<nm-notice
      dismissible
      @dismiss=${() => {
        session.dismissTrouble();
      }}
    >
      <b>The engine was lost and started again</b> (${shown(what, 200)}). Training went on
      ${step > 0 ? `from step ${step}` : 'from the beginning'}, as if nothing had happened.
    </nm-notice>`;
  }
  if (state.resumedAt !== null) {
    return html`<nm-notice
      dismissible
      @dismiss=${() => {
        session.dismissTrouble();
      }}
    >
      Resumed at step ${state.resumedAt}, as if it had never stopped. Press Play to go on.
    </nm-notice>`;
  }
  if (state.storageTrouble && !seen.has('storage')) {
    return html`<nm-notice
      kind="warning"
      dismissible
      @dismiss=${() => {
        context.see('storage');
      }}
    >
      <b>This run is not being saved</b> (${shown(state.storageTrouble, 160)}). Training goes on, but what is learned is
      lost when this tab is closed. Delete some runs (under Runs), free some disk space, or leave private browsing, to
      have it kept.
    </nm-notice>`;
  }
  return nothing;
}

const taskLine = ({ task, data }: RunSpec): string =>
  data ? shown(data.file, 40) : `${task.name} level ${task.level}`;

function offer({ session, state }: NoticeContext): TemplateResult | typeof nothing {
  const { resumable } = state;
  if (!resumable) return nothing;
  const when = new Date(resumable.saved).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
  return html`<nm-notice>
    <b>A run is stored here:</b> ${taskLine(resumable.spec)}, layers ${resumable.spec.graph.layers.join('-')}, step
    ${resumable.step} of ${resumable.steps}, ${when}.
    <button
      slot="actions"
      class="primary"
      id="resume"
      @click=${() => {
        void session.resume();
      }}
    >
      Resume it
    </button>
    <button
      slot="actions"
      id="anew"
      @click=${() => {
        session.dismissResumable();
      }}
    >
      Start anew
    </button>
  </nm-notice>`;
}
