import { html, LitElement, nothing, svg, type PropertyValues } from 'lit';
import { property, query, state } from 'lit/decorators.js';
import { classMap } from 'lit/directives/class-map.js';
import { repeat } from 'lit/directives/repeat.js';
import type { NodeUpdate } from '../../../workers/engine-api.ts';
import type { Plan, PlannedNode } from '../../graph/plan.ts';
import type { NodeTranscript, StepReport, Transcript } from '../../training/types.ts';
import { controls } from '../theme/controls.styles.ts';
import { place } from '../theme/place.ts';
import { inWords, nodeName, percent, shown, signed } from '../theme/words.ts';
import { verbatim } from '../theme/verbatim.ts';
import { STRIP } from '../edit/spots.ts';
import { directionOf, layoutNetwork, type Layout } from './layout.ts';
import { styles } from './network.styles.ts';
import { frameAt, lastFrame, layerOf, sameFrame, tempos, type Frame } from './timeline.ts';

/** `still` shows a transcript at once. */
export type NetworkPace = keyof typeof tempos | 'still';

/** An answer, and whether it is right. */
export interface Judgement {
  /** Null where none could be read. */
  wrote: string | null;
  correct: boolean;
}

/** Characters of the longest message to make room for. */
const ROOM = 16;

interface Said {
  /** Null where nothing has been said. */
  text: string | null;
  writing: boolean;
  share?: number;
  advantage?: number | undefined;
}

/**
 * The network as a picture: a card for every node, its messages travelling along the edges.
 *
 * @event node-select - a card was pressed; `detail` is the node's name, or null to close it
 * @event network-edit - while it is being changed: `detail` is a NetworkEdit
 * @event film-end - a transcript (`detail`) has been shown to its end
 */
export class NmNetwork extends LitElement {
  static override styles = [controls, styles];

  @property({ attribute: false }) plan: Plan | null = null;
  /** What is shown; a new object starts a new film. */
  @property({ attribute: false }) transcript: Transcript | null = null;
  @property() pace: NetworkPace = 'still';
  /** Instead of a transcript: what the nodes write most often. */
  @property({ attribute: false }) modes: StepReport['modes'] | null = null;
  /** With `modes`: what is answered most often. */
  @property({ attribute: false }) usual: Judgement | null = null;
  @property({ attribute: false }) updates: readonly NodeUpdate[] = [];
  @property({ attribute: false }) blanked: readonly string[] = [];
  /** Nodes that are not updated. */
  @property({ attribute: false }) frozen: readonly string[] = [];
  /** Loss of accuracy when a node is blanked, where it was measured. */
  @property({ attribute: false }) effects: Readonly<Record<string, number>> = {};
  @property() selected: string | null = null;
  /** It is being changed: handles lie over the picture, and beside it buttons that add to it. */
  @property({ type: Boolean }) editing = false;
  /** Something is being waited for. */
  @property({ type: Boolean }) busy = false;
  /** Longest message the nodes may write, in characters. */
  @property({ type: Number }) characters = 8;

  @state() private size = { width: 0, height: 0 };
  @state() private frame: Frame | null = null;
  @state() private asked: string | null = null;

  @query('.frame') private readonly view!: HTMLElement;
  #layout: Layout | null = null;
  #filmStart = 0;
  #filming = 0;
  #films = 0;
  #filmed: Transcript | null = null;
  #forget = 0;
  readonly #still = matchMedia('(prefers-reduced-motion: reduce)');
  readonly #resize = new ResizeObserver(([entry]) => {
    const box = entry?.contentRect;
    if (box) this.size = { width: Math.floor(box.width), height: Math.floor(box.height) };
  });

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener('visibilitychange', this.#onHidden);
    if (this.hasUpdated) this.#resize.observe(this.view);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener('visibilitychange', this.#onHidden);
    this.#resize.disconnect();
    clearTimeout(this.#forget);
    this.#endFilm();
  }

  focusNode(id: string): void {
    this.renderRoot.querySelector<HTMLElement>(`[data-node="${CSS.escape(id)}"]`)?.focus();
  }

  protected override firstUpdated(): void {
    this.#resize.observe(this.view);
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (['plan', 'size', 'characters', 'editing'].some((name) => changed.has(name))) this.#arrange();
    if (changed.has('transcript') || changed.has('modes')) this.#beginFilm();
    if (changed.has('pace') && this.pace === 'still') this.#endFilm();
  }

  #arrange(): void {
    const { plan, size } = this;
    if (!plan || size.width === 0) {
      this.#layout = null;
      return;
    }
    const layers = plan.layers.map((layer) => layer.map(({ id }) => id));
    const { width, height } = size;
    const across = directionOf(size) === 'right';
    const room = this.editing
      ? { width: across ? width : width - STRIP.down, height: across ? height - STRIP.right : height }
      : { width, height };
    this.#layout = layoutNetwork(layers, plan.edges, { ...room, characters: Math.min(ROOM, this.characters) });
  }

  // The film

  #beginFilm(): void {
    this.#endFilm();
    const { transcript } = this;
    if (!transcript || this.modes) {
      this.frame = null;
      return;
    }
    this.#films++;
    this.#filmed = transcript;
    if (this.pace === 'still' || document.hidden) {
      this.#endFilm();
      return;
    }
    this.#filmStart = performance.now();
    this.frame = this.#still.matches ? lastFrame(transcript) : frameAt(transcript, 0, tempos[this.pace]);
    this.#filming = requestAnimationFrame(this.#onFrame);
  }

  readonly #onFrame = (now: number): void => {
    const { transcript } = this;
    if (!transcript || this.pace === 'still') return;
    const frame = frameAt(transcript, now - this.#filmStart, tempos[this.pace]);
    if (frame.finished) {
      this.#endFilm();
      return;
    }
    if (!this.#still.matches && this.frame && !sameFrame(frame, this.frame)) this.frame = frame;
    this.#filming = requestAnimationFrame(this.#onFrame);
  };

  /** Shows the end of the film and says that it is over. */
  #endFilm(): void {
    cancelAnimationFrame(this.#filming);
    this.#filming = 0;
    if (this.transcript && !this.modes) this.frame = lastFrame(this.transcript);
    const detail = this.#filmed;
    this.#filmed = null;
    // After the update under way, so that whoever started the film is listening.
    if (detail) queueMicrotask(() => this.dispatchEvent(new CustomEvent('film-end', { detail })));
  }

  readonly #onHidden = (): void => {
    if (document.hidden && this.#filming) this.#endFilm();
  };

  // Pointing at a card

  readonly #ask = (event: Event): void => {
    clearTimeout(this.#forget);
    this.asked = (event.currentTarget as HTMLElement).dataset.node ?? null;
  };

  readonly #keep = (): void => {
    clearTimeout(this.#forget);
  };

  readonly #leave = (): void => {
    clearTimeout(this.#forget);
    this.#forget = window.setTimeout(() => (this.asked = null), 150);
  };

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.key === 'Escape' && this.asked) {
      this.asked = null;
      event.stopPropagation();
    }
  };

  #choose(id: string): void {
    this.asked = null;
    const detail = this.selected === id ? null : id;
    this.dispatchEvent(new CustomEvent('node-select', { detail, bubbles: true, composed: true }));
  }

  // The picture

  protected override render() {
    const layout = this.#layout;
    return html`
      <p class="visually-hidden">${this.#summary()}</p>
      <div class="frame" @keydown=${this.#onKey}>
        ${layout && this.plan ? this.#picture(layout, this.plan) : nothing}
      </div>
      ${this.#popover()}
    `;
  }

  #picture(layout: Layout, plan: Plan) {
    return html`<div
      class=${classMap({ picture: true, compact: layout.compact, edited: this.editing, [layout.direction]: true })}
      ${place({ width: `${layout.width}px`, height: `${layout.height}px` })}
    >
      ${this.#edges(layout)}
      <span
        class="source"
        aria-hidden="true"
        ${place({ left: `${layout.source.at[0]}px`, top: `${layout.source.at[1]}px` })}
        >problem</span
      >
      <ol aria-label="The nodes of the network">
        ${plan.nodes.map((node) => html`<li>${this.#card(node, layout)}</li>`)}
      </ol>
      ${this.#answer(layout)} ${this.#parcels(layout)}
      ${
        this.editing
          ? html`<nm-edit-layer .plan=${plan} .layout=${layout} ?busy=${this.busy}></nm-edit-layer>`
          : nothing
      }
    </div>`;
  }

  #edges(layout: Layout) {
    const arrived = this.frame?.arrived ?? 0;
    const carried = (from: string) => arrived >= layerOf(from) || this.modes !== null;
    const edgeClass = (from: string) => classMap({ carried: carried(from), blanked: this.blanked.includes(from) });
    const width = (from: string) => {
      const effect = this.effects[from];
      return { 'stroke-width': effect === undefined ? '2px' : `${(1.5 + 6 * Math.max(0, effect)).toFixed(1)}px` };
    };
    return html`<svg aria-hidden="true">
      <path class="input" d=${layout.source.path} />
      ${layout.inputs.map(({ path }) => svg`<path class="input" d=${path} />`)}
      ${layout.edges.map(({ from, path }) => svg`<path class=${edgeClass(from)} d=${path} ${place(width(from))} />`)}
      <path class=${edgeClass(this.plan?.output.id ?? '')} d=${layout.output.path} />
    </svg>`;
  }

  #card({ id, hears }: PlannedNode, layout: Layout) {
    const box = layout.cards.get(id);
    if (!box) return nothing;
    const said = this.#said(id);
    const update = this.updates.find(({ node }) => node === id);
    const { advantage } = said;
    const blanked = this.blanked.includes(id);
    const note = blanked
      ? html`<span class="hurt">blanked<span class="visually-hidden">: nobody hears it</span></span>`
      : this.frozen.includes(id)
        ? html`<span>frozen<span class="visually-hidden">: training leaves it as it is</span></span>`
        : said.share !== undefined
          ? html`<span title="share of its tries at this problem"
              >${percent(said.share)}<span class="visually-hidden"> of its tries</span></span
            >`
          : advantage !== undefined && this.frame?.answered
            ? html`<span class=${toneOf(advantage)}
                ><span class="visually-hidden">advantage </span>${signed(advantage)}</span
              >`
            : nothing;
    return html`<button
      class="card"
      data-node=${id}
      aria-pressed=${this.selected === id}
      ${place({
        left: `${box.x}px`,
        top: `${box.y}px`,
        width: `${box.width}px`,
        height: `${box.height}px`,
        ...rim(this.frame?.answered ? advantage : undefined),
        '--changed': `${fillOf(update?.change ?? 0)}%`,
      })}
      @click=${() => {
        this.#choose(id);
      }}
      @pointerenter=${this.#ask}
      @pointerleave=${this.#leave}
      @focus=${this.#ask}
      @blur=${this.#leave}
    >
      <span class="head"
        ><b><span class="visually-hidden">Node </span>${nodeName(id)}</b> ${note}</span
      >
      <span class="visually-hidden"
        >${hears.length ? `reads the problem and hears ${hears.map(nodeName).join(' and ')};` : 'reads the problem;'} it
        wrote
      </span>
      <span class=${classMap({ message: true, none: said.text === null, dropped: blanked, writing: said.writing })}
        >${this.#words(said)}</span
      >
    </button>`;
  }

  #words({ text, writing }: Said) {
    if (text === null) return 'nothing yet';
    // Before its turn a node has an empty card; an empty message is something else.
    return text === '' && !writing && this.frame?.answered ? '(empty)' : verbatim(text);
  }

  /** What a card shows: the film's part of the message, or the most frequent one. */
  #said(id: string): Said {
    if (this.modes) {
      const mode = this.modes.nodes.find(({ node }) => node === id);
      return { text: mode?.text ?? null, writing: false, ...(mode && { share: mode.share }) };
    }
    const node = this.#transcriptOf(id);
    if (!node) return { text: null, writing: false };
    const { text } = node.message;
    const written = this.frame?.written[id];
    if (written === undefined) return { text: '', writing: false };
    return { text: text.slice(0, written), writing: written < text.length, advantage: node.advantage };
  }

  #transcriptOf(id: string): NodeTranscript | undefined {
    return this.transcript?.nodes.find(({ node }) => node === id);
  }

  #answer(layout: Layout) {
    const { transcript } = this;
    const out = this.modes ? this.usual : this.frame?.answered && transcript ? transcript : null;
    const { x, y, width, height } = layout.output.at;
    const wrote = out?.wrote ?? null;
    const { length } = wrote ?? '';
    return html`<div
      class=${classMap({
        ...{ answer: true, right: out?.correct === true, wrong: out?.correct === false },
        ...{ long: length > 2, longer: length > 4 },
      })}
      ${place({ display: 'flex', left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` })}
    >
      ${
        out
          ? html`<span>${wrote === null ? '–' : shown(wrote, 6)}</span
              ><span aria-hidden="true">${out.correct ? '✓' : '✗'}</span
              ><span class="visually-hidden">${out.correct ? 'right' : 'wrong'}</span>`
          : html`<span class="label">answer</span>`
      }
    </div>`;
  }

  /** Messages under way, one an edge; style sheets move them. */
  #parcels(layout: Layout) {
    const layer = this.frame?.travelling?.layer;
    if (!layer || this.pace === 'still' || !this.plan) return nothing;
    const travelling = layout.edges.filter(({ from }) => layerOf(from) === layer && !this.blanked.includes(from));
    const parcels = travelling.map(({ from, to, path }) => ({ key: `${from} ${to}`, from, path }));
    const { id } = this.plan.output;
    if (layerOf(id) === layer) parcels.push({ key: 'answer', from: id, path: layout.output.path });
    return repeat(
      parcels,
      ({ key }) => `${this.#films} ${key}`,
      ({ from, path }) =>
        html`<div
          class="parcel"
          aria-hidden="true"
          ${place({
            display: 'block',
            'offset-path': `path("${path}")`,
            '--travel': `${this.pace === 'still' ? 0 : tempos[this.pace].travel}ms`,
          })}
        >
          ${verbatim(this.#transcriptOf(from)?.message.text || '·', 24)}
        </div>`,
    );
  }

  #popover() {
    const id = this.asked;
    // An opened node tells it, and lies where this would.
    const wanted = id && !this.selected && !this.modes && this.frame?.answered;
    const message = wanted ? this.#transcriptOf(id)?.message : undefined;
    const anchor = id ? this.renderRoot.querySelector<HTMLElement>(`[data-node="${CSS.escape(id)}"]`) : null;
    const active = Boolean(message?.pieces?.length && anchor);
    return html`<wa-popup
      .anchor=${anchor ?? ''}
      ?active=${active}
      placement="bottom"
      distance="8"
      strategy="fixed"
      flip
      shift
      shift-padding="8"
    >
      ${
        active && message && id
          ? html`<div class="popover" @pointerenter=${this.#keep} @pointerleave=${this.#leave}>
              <p>How sure node ${nodeName(id)} was of each character</p>
              <nm-token-text .message=${message}></nm-token-text>
            </div>`
          : nothing
      }
    </wa-popup>`;
  }

  // Words for those who do not see the picture

  #summary(): string {
    const { plan } = this;
    if (!plan) return '';
    const count = plan.nodes.length;
    const layers = plan.layers.length;
    const size = `${inWords(count)} ${count === 1 ? 'node' : 'nodes'} in ${inWords(layers).toLowerCase()} ${layers === 1 ? 'layer' : 'layers'}.`;
    const { transcript, modes } = this;
    if (modes) return `${size} Shown is what each node writes most often for ${shown(modes.problem)}.`;
    if (!transcript) return `${size} No problem has been run yet.`;
    return `${size} Problem ${shown(transcript.problem)}; the network answered ${shown(transcript.wrote ?? 'nothing')}, which is ${transcript.correct ? 'right' : `wrong; right is ${shown(transcript.answer)}`}.`;
  }
}

const toneOf = (value: number): string => (value > 0.005 ? 'helped' : value < -0.005 ? 'hurt' : '');

/** Colour and width of a card's rim: the sign and the size of the last advantage. */
function rim(advantage: number | undefined): Record<string, string> {
  const tone = advantage === undefined ? '' : toneOf(advantage);
  if (!tone || advantage === undefined) return {};
  const size = Math.min(1, Math.abs(advantage));
  return {
    '--rim': `rgb(var(--nm-${tone}-rgb) / ${(0.55 + 0.45 * size).toFixed(2)})`,
    '--rim-width': `${(1.5 + 2.5 * size).toFixed(1)}px`,
  };
}

/** Share of the "changed" colour in a card's fill, in percent, for an adapter's relative size. */
const fillOf = (change: number): number => Math.round(38 * (1 - Math.exp(-change / 0.05)));
