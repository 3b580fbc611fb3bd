import { html, LitElement, nothing } from 'lit';
import { property, state } from 'lit/decorators.js';
import type { Session } from '../../session/session.ts';
import { insideOf, type Inside } from '../../study/findings.ts';
import { controls } from '../theme/controls.styles.ts';
import { duration } from '../theme/words.ts';
import { insideView } from './inside.ts';
import { styles } from './study.styles.ts';

const SIZES = [50, 100, 200] as const;

/** What was found, and of which network. */
interface Found {
  inside: Inside;
  network: string;
  problems: number;
}

/** The looks inside of the study `specialisation`, on the network of the page as it is now. */
export class NmExamine extends LitElement {
  static override styles = [controls, styles];

  @property({ attribute: false }) session: Session | null = null;

  @state() private problems: number = 100;
  @state() private progress: { done: number; of: number } | null = null;
  @state() private found: Found | null = null;
  @state() private said = '';
  #stop = new AbortController();
  #began = 0;

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stop.abort();
  }

  async #examine(): Promise<void> {
    const { session, problems } = this;
    if (!session || this.progress) return;
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    const network = this.#network();
    this.progress = { done: 0, of: 0 };
    this.#began = performance.now();
    this.said = '';
    const found = await session.examine(problems, {
      signal,
      progress: (done, of) => (this.progress = { done, of }),
    });
    this.progress = null;
    if (found) {
      this.found = { inside: insideOf([found]), network, problems };
      this.said = 'Done. The network is as it was.';
    } else {
      const { trouble } = session.state;
      this.said = signal.aborted
        ? 'Cancelled. The network is as it was.'
        : `It could not be examined: ${trouble ? `${trouble.what} ${trouble.remedy}` : 'the run was ended.'}`;
    }
  }

  #network(): string {
    const { spec, step } = this.session?.state ?? {};
    if (!spec) return '';
    const layers = spec.graph.layers.join('-');
    return `network ${layers}, ${step ? `after ${step} step${step === 1 ? '' : 's'}` : 'untrained'}, ${spec.task.name} level ${spec.task.level}`;
  }

  protected override render() {
    const { progress, found } = this;
    return html`
      <p class="question">
        Blanks every node, exchanges every pair of a layer, and reads what all nodes write, on test problems: who is
        worth what, and who computes which part? Training pauses; the network stays as it is.
      </p>
      <div class="choice">
        <span>The ${this.#network()}, on</span>
        <label class="visually-hidden" for="problems">Test problems</label>
        <select
          id="problems"
          ?disabled=${progress !== null}
          @change=${(event: Event) => (this.problems = Number((event.target as HTMLSelectElement).value))}
        >
          ${SIZES.map((size) => html`<option value=${size} .selected=${size === this.problems}>${size} problems</option>`)}
        </select>
        ${
          progress
            ? html`<button
                @click=${() => {
                  this.#stop.abort();
                }}
              >
                Cancel
              </button>`
            : html`<button class="primary" @click=${() => void this.#examine()}>Examine this network</button>`
        }
      </div>
      ${
        progress
          ? html`<div class="progress">
              <progress aria-label="Tests done" .max=${Math.max(1, progress.of)} .value=${progress.done}></progress>
              <span>${this.#left(progress)}</span>
            </div>`
          : nothing
      }
      <p role="status">${this.said}</p>
      ${
        found
          ? html`<h3>The ${found.network}: ${found.problems} problems a test</h3>
              <div class="looks">${insideView(found.inside)}</div>
              <p class="muted">
                One network and few problems: with ${found.problems}, a difference of
                ${(1 / Math.sqrt(found.problems)).toFixed(2)} or less may be chance. The study “Do nodes specialise?”
                repeats this with seeds.
              </p>`
          : nothing
      }
    `;
  }

  #left({ done, of }: { done: number; of: number }): string {
    if (of === 0) return 'Getting the network ready';
    const each = (performance.now() - this.#began) / 1000 / Math.max(1, done);
    return `${done} of ${of} tests${done > 0 && done < of ? `, about ${duration(each * (of - done))} left` : ''}`;
  }
}
