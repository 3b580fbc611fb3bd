import { css } from 'lit';

export const styles = css`
  dialog {
    width: min(1180px, calc(100vw - 24px));
    max-width: none;
    height: min(960px, calc(100dvh - 24px));
    max-height: none;
  }

  h3 {
    margin: 22px 0 6px;
    font-size: 15px;
    color: var(--nm-text);
    overflow-wrap: anywhere;
  }

  h4.strong {
    margin: 12px 0 4px;
    font-size: 14px;
    color: var(--nm-text);
    overflow-wrap: anywhere;
  }

  p {
    margin: 6px 0;
    overflow-wrap: anywhere;
  }

  small {
    font-size: 12px;
    font-weight: 400;
    color: var(--nm-muted);
  }

  code {
    font: 13px var(--nm-mono);
  }

  .body {
    flex: 1;
    min-height: 0;
    overflow: auto;
    padding: 8px 16px 24px;
  }

  .question {
    max-width: 90ch;
  }

  .facts {
    font-size: 13px;
    color: var(--nm-muted);
  }

  .badge {
    display: inline-block;
    margin-right: 8px;
    padding: 0 8px;
    border: 1px solid var(--nm-warning-line);
    border-radius: 99px;
    background: var(--nm-warning-background);
    color: var(--nm-text);
  }

  ul {
    margin: 4px 0;
    padding-left: 20px;
  }

  .doubts,
  details {
    font-size: 14px;
  }

  .comparisons {
    display: grid;
    gap: 4px;
    padding: 0;
    list-style: none;
  }

  .comparisons li {
    display: grid;
    grid-template-columns: 7ch 1fr;
    gap: 10px;
  }

  .comparisons b {
    text-align: right;
  }

  .comparisons small {
    display: block;
  }

  /* Tables */

  .scroll {
    max-width: 100%;
    overflow-x: auto;
  }

  table {
    border-collapse: separate;
    border-spacing: 2px;
    font-size: 13px;
    font-variant-numeric: tabular-nums;
  }

  caption {
    padding: 2px 0 4px;
    text-align: left;
    font-weight: 600;
    color: var(--nm-muted);
  }

  th {
    font-weight: 600;
    text-align: left;
  }

  .arms {
    width: 100%;
    border-spacing: 0;
  }

  .arms th,
  .arms td {
    padding: 5px 8px;
    border-bottom: 1px solid var(--nm-line);
    vertical-align: middle;
  }

  .arms thead th {
    color: var(--nm-muted);
    vertical-align: bottom;
  }

  .arms small {
    display: block;
  }

  .arms .accuracy {
    min-width: 132px;
  }

  .arms .accuracy small,
  td small {
    white-space: nowrap;
  }

  .arms .accuracy small {
    display: inline;
  }

  .arms tbody th {
    min-width: 150px;
    background: var(--nm-surface);
  }

  .arms button {
    min-height: 28px;
    padding: 0 9px;
    font-size: 13px;
  }

  .arms .guess th,
  .arms .guess td {
    color: var(--nm-muted);
  }

  .key {
    display: inline-block;
    min-width: 19px;
    margin-right: 7px;
    padding: 0 4px;
    border-bottom: 3px solid var(--series);
    text-align: center;
  }

  .interval {
    display: block;
    width: 120px;
    height: 14px;
    stroke: var(--series);
    fill: var(--series);
  }

  .interval .axis {
    stroke: var(--nm-line);
    fill: none;
  }

  .interval .range {
    stroke-width: 3;
  }

  .interval .seed {
    fill: none;
    stroke-width: 1;
    opacity: 0.75;
  }

  .heat th,
  .heat td {
    padding: 5px 7px;
  }

  .heat thead th {
    max-width: 16ch;
    color: var(--nm-muted);
    vertical-align: bottom;
  }

  .heat td {
    min-width: 64px;
    border-radius: 3px;
    text-align: center;
    box-shadow: inset 0 0 0 1px var(--nm-line);
  }

  .heat td small {
    display: block;
    font-size: 11px;
    color: inherit;
  }

  .heat .above {
    background: color-mix(in srgb, rgb(var(--nm-helped-rgb)) var(--depth), var(--nm-surface));
  }

  .heat .below {
    background: color-mix(in srgb, rgb(var(--nm-hurt-rgb)) var(--depth), var(--nm-surface));
  }

  .reading {
    max-width: 60ch;
    font-size: 14px;
  }

  .looks {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(min(100%, 345px), 1fr));
    gap: 14px 20px;
  }

  .looks > * {
    min-width: 0;
  }

  .pair {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr));
    gap: 16px 28px;
  }

  .trio {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr));
    gap: 16px 24px;
  }

  .trio nm-bands {
    --nm-plot-height: 170px;
  }

  .choice {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 6px 10px;
  }

  .progress {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 6px 12px;
    margin-top: 10px;
    font-variant-numeric: tabular-nums;
  }

  progress {
    width: min(340px, 100%);
    accent-color: var(--nm-accent);
  }

  /* The list */

  .catalogue {
    display: grid;
    grid-template-columns: repeat(auto-fill, minmax(min(100%, 330px), 1fr));
    gap: 10px;
    padding: 0;
    list-style: none;
  }

  .catalogue li {
    display: grid;
  }

  .catalogue button {
    display: grid;
    align-content: start;
    justify-content: stretch;
    gap: 4px;
    padding: 10px 12px;
    text-align: left;
    white-space: normal;
  }

  .catalogue span {
    font-size: 13px;
    color: var(--nm-muted);
  }

  .catalogue #examine {
    border-color: var(--nm-accent);
    background: var(--nm-accent-soft);
  }

  .catalogue #examine span {
    color: var(--nm-text);
  }

  .own {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 6px 10px;
    margin-top: 14px;
  }

  summary {
    cursor: pointer;
  }

  @media (max-width: 600px) {
    dialog {
      width: 100vw;
      height: 100dvh;
      border: 0;
      border-radius: 0;
    }

    header [role='status'] {
      order: 5;
      flex-basis: 100%;
      text-align: left;
    }

    header h2 {
      order: 4;
      flex-basis: 100%;
    }

    header #back {
      margin-right: auto;
    }

    .arms tbody th {
      position: sticky;
      left: 0;
      min-width: 124px;
      max-width: 132px;
    }
  }
`;
