import { html, LitElement, nothing, svg, type PropertyValues } from 'lit';
import { property, query } from 'lit/decorators.js';
import uPlot from 'uplot';
import { controls } from '../theme/controls.styles.ts';
import { place } from '../theme/place.ts';
import { decimal } from '../theme/words.ts';
import { styles } from './chart.styles.ts';

export interface Series {
  label: string;
  /** Name of a colour, for example `--nm-accent`. */
  colour: string;
  /** One value a step of `steps`; null where it was not measured. */
  values: (number | null)[];
  /** Solid with dots or squares, plain, or dashed: so that lines are told apart without colour. */
  look: 'dots' | 'squares' | 'plain' | 'dashed';
}

/** Milliseconds between two drawings: a small network trains 40 steps a second, and nobody sees 40 curves. */
const DRAW_EVERY = 120;

/**
 * Curves over training steps, with a legend that shows the latest value of each. Redraws at most every `DRAW_EVERY` ms.
 *
 * @csspart plot - the drawing
 */
export class NmChart extends LitElement {
  static override styles = [controls, styles];

  /** What is drawn, for readers of the screen: "Accuracy". */
  @property() heading = '';
  @property({ attribute: false }) steps: number[] = [];
  @property({ attribute: false }) series: Series[] = [];
  /** Upper end of the axis, or null to follow the values. */
  @property({ type: Number }) top: number | null = null;
  @property({ type: Number }) digits = 2;
  /** Steps at which something happened: thin upright lines. What it was is told beside the chart. */
  @property({ attribute: false }) marks: readonly number[] = [];
  /** Said while there is nothing to draw. */
  @property() empty = '';
  /** Changes when the colours do. */
  @property() scheme = '';

  @query('.plot') private readonly plot!: HTMLElement;
  #chart: uPlot | undefined;
  #frame = 0;
  #timer = 0;
  #drawn = 0;
  readonly #resize = new ResizeObserver(() => {
    this.#schedule();
  });

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.hasUpdated) {
      this.#resize.observe(this.plot);
      this.#schedule();
    }
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#resize.disconnect();
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    this.#frame = this.#timer = 0;
    this.#chart?.destroy();
    this.#chart = undefined;
  }

  protected override firstUpdated(): void {
    this.#resize.observe(this.plot);
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has('scheme')) {
      this.#chart?.destroy();
      this.#chart = undefined;
    }
    this.#schedule();
  }

  #schedule(): void {
    if (this.#frame || this.#timer) return;
    const wait = this.#drawn + DRAW_EVERY - performance.now();
    if (wait > 0) {
      this.#timer = window.setTimeout(() => {
        this.#timer = 0;
        this.#schedule();
      }, wait);
      return;
    }
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#drawn = performance.now();
      this.#draw();
    });
  }

  #draw(): void {
    const { clientWidth: width, clientHeight: height } = this.plot;
    if (width === 0 || height === 0) return;
    const data: uPlot.AlignedData = [this.steps, ...this.series.map(({ values }) => values)];
    if (this.#chart?.series.length !== this.series.length + 1) {
      this.#chart?.destroy();
      this.#chart = new uPlot(this.#options(width, height), data, this.plot);
      return;
    }
    if (this.#chart.width !== width || this.#chart.height !== height) this.#chart.setSize({ width, height });
    this.#chart.setData(data);
  }

  #options(width: number, height: number): uPlot.Options {
    const style = getComputedStyle(this);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    const axis = {
      stroke: colour('--nm-muted'),
      font: `11px ${colour('--nm-font')}`,
      grid: { stroke: colour('--nm-line'), width: 1 },
      ticks: { show: false },
    };
    const { top } = this;
    return {
      width,
      height,
      legend: { show: false },
      cursor: { show: false },
      // Room at the end for half of the last number.
      padding: [6, 18, 0, 0],
      scales: {
        x: { time: false, range: (_, min) => [Math.min(0, min), Math.max(this.steps.at(-1) ?? 0, 10)] },
        y: { range: (_, _min, max) => [0, top ?? Math.max(max * 1.1, 0.01)] },
      },
      axes: [
        { ...axis, size: 22, gap: 2, space: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000] },
        { ...axis, size: 36, gap: 4, space: 28 },
      ],
      hooks: {
        drawAxes: [
          (chart) => {
            this.#drawMarks(chart, colour('--nm-changed'));
          },
        ],
      },
      series: [
        {},
        ...this.series.map((line): uPlot.Series => {
          const stroke = colour(line.colour);
          return {
            label: line.label,
            stroke,
            width: isMarked(line) ? 2 : 1.25,
            spanGaps: true,
            ...(line.look === 'dashed' && { dash: [4, 4] }),
            points: {
              show: isMarked(line),
              size: 6,
              fill: stroke,
              stroke,
              ...(line.look === 'squares' && { paths: squares }),
            },
          };
        }),
      ],
    };
  }

  #drawMarks(chart: uPlot, stroke: string): void {
    const { ctx, bbox } = chart;
    ctx.save();
    ctx.strokeStyle = stroke;
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
    ctx.beginPath();
    for (const mark of this.marks) {
      const x = Math.round(chart.valToPos(mark, 'x', true));
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
    }
    ctx.stroke();
    ctx.restore();
  }

  protected override render() {
    const latest = this.series.map(({ values }) => values.findLast((value) => value !== null));
    const spoken = this.series.map(({ label }, i) => `${label} ${decimal(latest[i], this.digits)}`).join(', ');
    const drawn = this.steps.length > 0;
    return html`
      <div
        class="plot"
        part="plot"
        role="img"
        aria-label=${drawn ? `${this.heading} after ${this.steps.at(-1) ?? 0} steps: ${spoken}` : `${this.heading}: ${this.empty}`}
      >
        ${drawn || !this.empty ? nothing : html`<div class="empty" aria-hidden="true">${this.empty}</div>`}
      </div>
      <dl>
        ${this.series.map(
          ({ label, colour, look }, i) => html`
            <div>
              <dt>${swatch(look, colour)} <span>${label}</span></dt>
              <dd>${decimal(latest[i], this.digits)}</dd>
            </div>
          `,
        )}
      </dl>
    `;
  }
}

const isMarked = ({ look }: Pick<Series, 'look'>): boolean => look === 'dots' || look === 'squares';

/** Square points, where uPlot draws round ones. */
const squares: uPlot.Series.Points.PathBuilder = (chart, seriesIdx, idx0, idx1) => {
  const side = 6 * devicePixelRatio;
  const path = new Path2D();
  const scale = chart.series[seriesIdx]?.scale ?? 'y';
  for (let i = idx0; i <= idx1; i++) {
    const value = chart.data[seriesIdx]?.[i];
    if (value === null || value === undefined) continue;
    const x = chart.valToPos(chart.data[0][i] ?? 0, 'x', true);
    path.rect(x - side / 2, chart.valToPos(value, scale, true) - side / 2, side, side);
  }
  return { stroke: null, fill: path };
};

function swatch(look: Series['look'], colour: string) {
  return html`<svg class="swatch" viewBox="0 0 20 10" aria-hidden="true" ${place({ '--series': `var(${colour})` })}>
    <path
      d="M0 5H20"
      stroke-width=${isMarked({ look }) ? 2.5 : 1.5}
      stroke-dasharray=${look === 'dashed' ? '4 3' : nothing}
      fill="none"
    ></path>
    ${look === 'squares' ? svg`<rect x="7" y="2" width="6" height="6" stroke="none" />` : nothing}
    ${look === 'dots' ? svg`<circle cx="10" cy="5" r="3" stroke="none" />` : nothing}
  </svg>`;
}
