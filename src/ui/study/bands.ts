import { html, LitElement, type PropertyValues } from 'lit';
import { property, query, state } from 'lit/decorators.js';
import uPlot from 'uplot';
import { styles as chart } from '../chart/chart.styles.ts';
import { controls } from '../theme/controls.styles.ts';
import { place } from '../theme/place.ts';
import { decimal, shown } from '../theme/words.ts';
import { bandsStyles } from './bands.styles.ts';
import type { BandLine } from './curves.ts';
import { colourOf, isDashed } from './palette.ts';

/** Pixels between the numbers at the ends of lines. */
const APART = 12;

/**
 * Means over seeds with bands for their intervals. Every line has a number, at its end and in the legend, which also
 * tells its last value and takes lines away.
 */
export class NmBands extends LitElement {
  static override styles = [controls, chart, bandsStyles];

  /** What is drawn: "Accuracy in tests". */
  @property() heading = '';
  @property({ attribute: false }) lines: readonly BandLine[] = [];
  /** Upper end of the axis, or null to follow the values. */
  @property({ type: Number }) top: number | null = 1;
  @property({ type: Boolean }) dark = false;
  /** Numbers of lines that are not drawn. */
  @state() private hidden_: ReadonlySet<number> = new Set();

  @query('.plot') private readonly plot!: HTMLElement;
  #chart: uPlot | undefined;
  #frame = 0;
  readonly #resize = new ResizeObserver(([entry]) => {
    const { width = 0, height = 0 } = entry?.contentRect ?? {};
    if (this.#chart?.width !== Math.floor(width) || this.#chart.height !== Math.floor(height)) this.#schedule();
  });

  override connectedCallback(): void {
    super.connectedCallback();
    if (!this.hasUpdated) return;
    this.#resize.observe(this.plot);
    this.#schedule();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#resize.disconnect();
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#chart?.destroy();
    this.#chart = undefined;
  }

  protected override firstUpdated(): void {
    this.#resize.observe(this.plot);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    // Another study's arms have other numbers.
    const numbers = (lines: readonly BandLine[]): string => JSON.stringify(lines.map(({ label }) => label));
    const before = changed.get('lines');
    if (before && numbers(before) !== numbers(this.lines)) this.hidden_ = new Set();
  }

  protected override updated(): void {
    this.#schedule();
  }

  #schedule(): void {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw(): void {
    const { clientWidth: width, clientHeight: height } = this.plot;
    this.#chart?.destroy();
    this.#chart = undefined;
    if (width === 0 || height === 0) return;
    const lines = this.lines.filter(({ number }) => !this.hidden_.has(number));
    const xs = [...new Set(lines.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b);
    const data: (number | null)[][] = lines.flatMap(({ points }) => {
      const at = new Map(points.map(({ x, value }) => [x, value]));
      return (['high', 'low', 'mean'] as const).map((part) => xs.map((x) => at.get(x)?.[part] ?? null));
    });
    this.#chart = new uPlot(this.#options(width, height, lines), [xs, ...data], this.plot);
  }

  #options(width: number, height: number, lines: readonly BandLine[]): uPlot.Options {
    const style = getComputedStyle(this);
    const token = (name: string): string => style.getPropertyValue(name).trim();
    const axis = {
      stroke: token('--nm-muted'),
      font: `11px ${token('--nm-font')}`,
      grid: { stroke: token('--nm-line'), width: 1 },
      ticks: { show: false },
    };
    const { top, dark } = this;
    return {
      ...{ width, height, legend: { show: false }, cursor: { show: false }, padding: [8, 22, 0, 0] },
      scales: {
        x: { time: false, range: (_, min, max) => [Math.min(0, min), Math.max(max, 1)] },
        y: { range: (_, _min, max) => [0, top ?? Math.max(max * 1.1, 0.01)] },
      },
      axes: [
        { ...axis, size: 20, gap: 2, space: 44, label: 'step', labelSize: 14, labelGap: 0, labelFont: axis.font },
        { ...axis, size: 36, gap: 4, space: 28 },
      ],
      bands: lines.map(({ number }, i) => ({
        series: [3 * i + 1, 3 * i + 2] as [number, number],
        fill: `${colourOf(number, dark)}2e`,
      })),
      series: [
        {},
        ...lines.flatMap(({ number }): uPlot.Series[] => {
          const edge = { width: 0, spanGaps: true, points: { show: false } };
          const stroke = colourOf(number, dark);
          const dash = isDashed(number) && { dash: [6, 3] };
          const points = { show: true, size: 5, fill: stroke };
          return [edge, edge, { stroke, width: 2, spanGaps: true, points, ...dash }];
        }),
      ],
      hooks: {
        draw: [
          (drawn) => {
            this.#number(drawn, lines, token('--nm-surface'));
          },
        ],
      },
    };
  }

  /** Numbers at the ends of lines, pushed apart. */
  #number(drawn: uPlot, lines: readonly BandLine[], surface: string): void {
    const { ctx } = drawn;
    const ends = lines
      .flatMap(({ number, points }) => {
        const last = points.at(-1);
        if (!last) return [];
        const at = { x: drawn.valToPos(last.x, 'x', true), y: drawn.valToPos(last.value.mean, 'y', true) };
        return [{ number, ...at }];
      })
      .sort((a, b) => a.y - b.y);
    const apart = APART * devicePixelRatio;
    // From the top down, then back up from the bottom edge.
    for (const [i, end] of ends.entries()) end.y = Math.max(end.y, i > 0 ? (ends[i - 1]?.y ?? 0) + apart : apart / 2);
    let floor = drawn.bbox.top + drawn.bbox.height;
    for (const end of ends.toReversed()) {
      end.y = Math.min(end.y, floor);
      floor = end.y - apart;
    }
    ctx.save();
    ctx.font = `600 ${11 * devicePixelRatio}px sans-serif`;
    ctx.textBaseline = 'middle';
    ctx.lineWidth = 3 * devicePixelRatio;
    ctx.strokeStyle = surface;
    for (const { number, x, y } of ends) {
      ctx.fillStyle = colourOf(number, this.dark);
      ctx.strokeText(String(number), x + 7 * devicePixelRatio, y);
      ctx.fillText(String(number), x + 7 * devicePixelRatio, y);
    }
    ctx.restore();
  }

  #toggle(number: number, on: boolean): void {
    const others = [...this.hidden_].filter((other) => other !== number);
    this.hidden_ = new Set(on ? others : [...others, number]);
  }

  protected override render() {
    const { lines, heading, dark } = this;
    const drawn = lines.filter(({ number }) => !this.hidden_.has(number));
    const last = ({ points }: BandLine): string => decimal(points.at(-1)?.value.mean);
    const spoken = drawn.map((line) => `${line.number} ${shown(line.label, 60)} ${last(line)}`).join(', ');
    const until = Math.max(0, ...lines.map(({ points }) => points.at(-1)?.x ?? 0));
    return html`
      <h4>${heading}</h4>
      <div class="plot" role="img" aria-label=${`${heading} over ${until} steps, at the end: ${spoken}`}></div>
      <ul>
        ${lines.map((line) => {
          const end = line.points.at(-1)?.value;
          return html`<li>
            <label>
              <input
                type="checkbox"
                .checked=${!this.hidden_.has(line.number)}
                @change=${(event: Event) => {
                  this.#toggle(line.number, (event.target as HTMLInputElement).checked);
                }}
              />
              <b
                class=${isDashed(line.number) ? 'key dashed' : 'key'}
                ${place({ '--series': colourOf(line.number, dark) })}
                >${line.number}</b
              >
              <span>${shown(line.label, 80)}</span>
            </label>
            <span class="value">
              ${last(line)}${end && end.n > 1 ? html` <small>${decimal(end.low)}–${decimal(end.high)}</small>` : ''}
            </span>
          </li>`;
        })}
      </ul>
    `;
  }
}
