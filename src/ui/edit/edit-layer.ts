import { html, LitElement, nothing, svg } from 'lit';
import { property, state } from 'lit/decorators.js';
import type { NetworkEdit } from '../../graph/grow.ts';
import type { Plan } from '../../graph/plan.ts';
import type { Layout, Point } from '../network/layout.ts';
import { controls } from '../theme/controls.styles.ts';
import { place } from '../theme/place.ts';
import { styles } from './edit-layer.styles.ts';
import { cardAt, dropOf, spotsOf, targetsOf, type Drag } from './spots.ts';

/** A press that moves less than this is no drag, in CSS pixels. */
const STEADY = 6;

/**
 * What lies over the picture of a network while it is being changed: buttons that add nodes and layers, handles to drag
 * edges by. What is dragged here can be done with the check boxes of an opened node as well, by keyboard.
 *
 * @event network-edit - `detail` is a NetworkEdit
 */
export class NmEditLayer extends LitElement {
  static override styles = [controls, styles];

  @property({ attribute: false }) plan: Plan | null = null;
  @property({ attribute: false }) layout: Layout | null = null;
  @property({ type: Boolean }) busy = false;

  @state() private drag: (Drag & { pointer: number; origin: Point; begun: Point; at: Point }) | null = null;

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.drag = null;
  }

  #edit(detail: NetworkEdit): void {
    if (this.busy) return;
    this.dispatchEvent(new CustomEvent('network-edit', { detail, bubbles: true, composed: true }));
  }

  get #layers(): string[][] {
    return this.plan?.layers.map((layer) => layer.map(({ id }) => id)) ?? [];
  }

  #pointOf(event: PointerEvent): Point {
    const { left, top } = this.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  #grab(event: PointerEvent, drag: Drag, origin: Point): void {
    if (this.busy || event.button !== 0) return;
    event.preventDefault();
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    const at = this.#pointOf(event);
    this.drag = { ...drag, pointer: event.pointerId, origin, begun: at, at };
    addEventListener('keydown', this.#onKey, { capture: true });
  }

  readonly #move = (event: PointerEvent): void => {
    if (this.drag?.pointer === event.pointerId) this.drag = { ...this.drag, at: this.#pointOf(event) };
  };

  readonly #drop = (event: PointerEvent): void => {
    const { drag, layout, plan } = this;
    if (drag?.pointer !== event.pointerId || !layout || !plan) return;
    this.#letGo();
    const at = this.#pointOf(event);
    if (Math.hypot(at[0] - drag.begun[0], at[1] - drag.begun[1]) < STEADY) return;
    const edit = dropOf(drag, cardAt(layout.cards, at), targetsOf(drag, this.#layers, plan.edges));
    if (edit) this.#edit(edit);
  };

  readonly #letGo = (): void => {
    this.drag = null;
    removeEventListener('keydown', this.#onKey, { capture: true });
  };

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    this.#letGo();
  };

  protected override render() {
    const { layout, plan, drag } = this;
    if (!layout || !plan) return nothing;
    const targets = drag ? targetsOf(drag, this.#layers, plan.edges) : [];
    const over = drag ? cardAt(layout.cards, drag.at) : null;
    return html`
      ${drag ? this.#dragged(drag.origin, drag.at) : nothing}
      ${targets.map((id) => {
        const box = layout.cards.get(id);
        const at = box && { left: `${box.x}px`, top: `${box.y}px`, width: `${box.width}px`, height: `${box.height}px` };
        return at
          ? html`<div class=${id === over ? 'target over' : 'target'} aria-hidden="true" ${place(at)}></div>`
          : nothing;
      })}
      ${layout.edges.map(({ from, to, start, end }) => this.#handle('end', end, { from, instead: [from, to] }, start))}
      ${plan.nodes.map(({ id }) => {
        const box = layout.cards.get(id);
        if (!box || id === plan.output.id) return nothing;
        const at: Point =
          layout.direction === 'right'
            ? [box.x + box.width, box.y + box.height / 2]
            : [box.x + box.width / 2, box.y + box.height];
        return this.#handle('port', at, { from: id, instead: null }, at);
      })}
      ${spotsOf(layout, this.#layers).map(
        ({ edit, label, said, at }) =>
          html`<button
            class="spot"
            title=${said}
            aria-disabled=${this.busy}
            ${place({ left: `${at[0]}px`, top: `${at[1]}px` })}
            @click=${() => {
              this.#edit(edit);
            }}
          >
            <span aria-hidden="true">+ ${label}</span><span class="visually-hidden">${said}</span>
          </button>`,
      )}
    `;
  }

  #handle(kind: 'port' | 'end', [x, y]: Point, drag: Drag, origin: Point) {
    return html`<div
      class="handle ${kind} ${this.layout?.direction ?? ''}"
      aria-hidden="true"
      title=${kind === 'port' ? 'Drag to a later node: it hears this one' : 'Drag to another node, or into the open to cut'}
      data-from=${drag.from}
      data-to=${drag.instead?.[1] ?? ''}
      ${place({ left: `${x}px`, top: `${y}px` })}
      @pointerdown=${(event: PointerEvent) => {
        this.#grab(event, drag, origin);
      }}
      @pointermove=${this.#move}
      @pointerup=${this.#drop}
      @pointercancel=${this.#letGo}
    ></div>`;
  }

  #dragged([x1, y1]: Point, [x2, y2]: Point) {
    return html`<svg aria-hidden="true">${svg`<path d=${`M${x1} ${y1}L${x2} ${y2}`} />`}</svg>`;
  }
}
