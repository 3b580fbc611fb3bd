/** Tables of numbers that are also coloured: read by eye, by ear, and without colour. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Grid } from '../../study/findings.ts';
import type { Interval } from '../../study/statistics.ts';
import { place } from '../theme/place.ts';
import { decimal, shown, signed } from '../theme/words.ts';

/** Strongest colour, in percent: text has to stay readable on it. */
const DEEPEST = 50;
/** Rows and columns that are shown at most. */
const MOST = 24;

export interface GridLook {
  caption: string;
  /** What rows are: "node". */
  corner: string;
  row: (name: string) => string;
  column: (name: string) => string;
  /** Colours both ways from 0 (accuracy lost), from 0 to 1 (shares), or not at all. */
  scale: 'signed' | 'share' | 'none';
}

export function heat(grid: Grid, look: GridLook): TemplateResult {
  const { rows, columns } = grid;
  const [r, c] = [rows.slice(0, MOST), columns.slice(0, MOST)];
  return html`<div class="scroll" role="group" tabindex="0" aria-label=${look.caption}>
    <table class="heat">
      <caption>
        ${look.caption}
      </caption>
      <thead>
        <tr>
          <th scope="col">${look.corner}</th>
          ${c.map((name) => html`<th scope="col">${shown(look.column(name), 40)}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${r.map(
          (name, i) =>
            html`<tr>
              <th scope="row">${shown(look.row(name), 40)}</th>
              ${c.map((_, j) => cell(grid.at(i, j), look.scale))}
            </tr>`,
        )}
      </tbody>
    </table>
    ${rows.length > MOST || columns.length > MOST ? html`<p class="muted">The first ${MOST} are shown.</p>` : nothing}
  </div>`;
}

function cell(value: Interval | null, scale: GridLook['scale']): TemplateResult {
  if (!value || !Number.isFinite(value.mean)) return html`<td class="muted">–</td>`;
  const text = (x: number): string => (scale === 'signed' ? signed(x) : decimal(x));
  const depth = scale === 'none' ? 0 : Math.min(1, Math.abs(value.mean)) * DEEPEST;
  return html`<td class=${value.mean < 0 ? 'below' : 'above'} ${place({ '--depth': `${depth.toFixed(1)}%` })}>
    ${text(value.mean)}${
      value.n > 1 && value.low !== value.high ? html`<small>${text(value.low)} to ${text(value.high)}</small>` : nothing
    }
  </td>`;
}
