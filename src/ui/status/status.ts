import { css, html, LitElement, nothing } from 'lit';
import { property } from 'lit/decorators.js';
import type { AdapterInfo, LoadProgress } from '../../../workers/engine-api.ts';
import { controls } from '../theme/controls.styles.ts';
import { bytes, duration, shown } from '../theme/words.ts';

const engines: Record<AdapterInfo['engine'], string> = { webgpu: 'WebGPU', reference: 'TypeScript' };

/** What computes, how fast, and what is being waited for. */
export class NmStatus extends LitElement {
  static override styles = [
    controls,
    css`
      :host {
        display: block;
        font-size: 13px;
      }

      dl {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr);
        gap: 2px 10px;
        margin: 0;
      }

      dt {
        color: var(--nm-muted);
      }

      dd {
        margin: 0;
        text-align: right;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }

      .waiting {
        display: flex;
        align-items: center;
        gap: 8px;
        min-height: 20px;
        margin: 0 0 6px;
      }

      .what {
        flex: 1;
      }

      progress {
        appearance: none;
        flex: 1;
        min-width: 60px;
        height: 6px;
        border: 0;
        border-radius: 3px;
        overflow: hidden;
        background: var(--nm-line);
      }

      progress::-webkit-progress-bar {
        background: var(--nm-line);
      }

      progress::-webkit-progress-value {
        background: var(--nm-accent);
      }

      progress::-moz-progress-bar {
        background: var(--nm-accent);
      }

      .dot {
        width: 9px;
        height: 9px;
        flex: none;
        border-radius: 50%;
        background: var(--nm-neutral);
      }

      .dot.on {
        background: var(--nm-accent);
        animation: breathe 1.4s ease-in-out infinite alternate;
      }

      @keyframes breathe {
        to {
          opacity: 0.35;
        }
      }

      @media (prefers-reduced-motion: reduce) {
        .dot.on {
          animation: none;
        }
      }
    `,
  ];

  @property({ attribute: false }) adapter: AdapterInfo | null = null;
  @property({ attribute: false }) loading: LoadProgress | null = null;
  @property() waitingFor: string | null = null;
  @property() idle = 'Ready';
  @property({ type: Number }) step = 0;
  @property({ type: Number }) steps = 0;
  /** Mean of the last steps; NaN while there is none. */
  @property({ type: Number }) secondsPerStep = Number.NaN;
  /** The same with the films that are shown between; NaN while it is not known. */
  @property({ type: Number }) onTheClock = Number.NaN;
  @property({ type: Number }) savedAt: number | null = null;

  protected override render() {
    const { adapter, loading, secondsPerStep: pace } = this;
    const left = (this.steps - this.step) * (Number.isFinite(this.onTheClock) ? this.onTheClock : pace);
    return html`
      <p class="waiting">
        ${
          loading
            ? html`<span>${capital(loading.phase)}</span>
                <progress
                  aria-label="Loading"
                  max=${Math.max(1, loading.totalBytes)}
                  .value=${loading.totalBytes > 0 ? loading.loadedBytes : 0}
                ></progress>
                <span class="number">${loading.totalBytes > 0 ? amount(loading) : nothing}</span>`
            : html`<span class="dot ${this.waitingFor ? 'on' : ''}"></span>
                <span class="what">${this.waitingFor ?? this.idle}</span>
                <span class="number muted">${this.waitingFor && left > 5 ? `${duration(left)} left` : nothing}</span>`
        }
      </p>
      <dl>
        <dt>Step</dt>
        <dd class="number">${this.step} of ${this.steps}</dd>
        <dt>Speed</dt>
        <dd class="number">
          ${Number.isFinite(pace) ? html`${(1 / pace).toFixed(2)} steps/s, ${duration(pace)} a step` : '–'}
        </dd>
        <dt>Engine</dt>
        <dd title=${adapter ? shown(adapter.description) : ''}>
          ${adapter ? `${shown(adapterName(adapter), 60)}, ${engines[adapter.engine]}` : '–'}
        </dd>
        <dt>Saved</dt>
        <dd class="number">${this.savedAt === null ? 'not yet' : `at step ${this.savedAt}`}</dd>
      </dl>
    `;
  }
}

/** `126 kB`, or for what takes a while `12 MB of 340 MB, 75 s left`. */
function amount({ loadedBytes, totalBytes, secondsLeft }: LoadProgress): string {
  if (totalBytes < 1e7 || loadedBytes >= totalBytes) return bytes(totalBytes);
  const left = secondsLeft === undefined ? '' : `, ${duration(secondsLeft)} left`;
  return `${bytes(loadedBytes)} of ${bytes(totalBytes)}${left}`;
}

/** The adapter as a few words: browsers differ in which parts they tell. */
export function adapterName({ engine, vendor, architecture, description }: AdapterInfo): string {
  if (engine === 'reference') return 'the processor';
  return description || [vendor, architecture].filter(Boolean).join(' ') || 'a GPU the browser does not name';
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
