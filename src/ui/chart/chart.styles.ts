import { css, unsafeCSS } from 'lit';
import uplot from 'uplot/dist/uPlot.min.css?inline';

export const styles = css`
  ${unsafeCSS(uplot)}

  :host {
    display: flex;
    flex-direction: column;
    min-height: 0;
    gap: 4px;
  }

  .plot {
    flex: 1;
    min-height: 52px;
    position: relative;
    overflow: hidden;
  }

  .plot .uplot {
    position: absolute;
    inset: 0;
    font-family: var(--nm-font);
  }

  dl {
    display: grid;
    grid-template-columns: auto 1fr auto;
    gap: 1px 8px;
    margin: 0;
    font-size: 13px;
    align-items: center;
  }

  dl > div {
    display: contents;
  }

  dt {
    display: contents;
  }

  dd {
    margin: 0;
    text-align: right;
    min-width: 4ch;
    font-variant-numeric: tabular-nums;
    font-weight: 600;
  }

  .swatch {
    width: 20px;
    height: 10px;
    overflow: visible;
    stroke: var(--series);
    fill: var(--series);
  }

  .empty {
    position: absolute;
    inset: 0;
    display: grid;
    place-content: center;
    text-align: center;
    padding: 0 24px 18px 44px;
    color: var(--nm-muted);
    font-size: 13px;
    pointer-events: none;
    background: color-mix(in srgb, var(--nm-surface) 75%, transparent);
  }
`;
