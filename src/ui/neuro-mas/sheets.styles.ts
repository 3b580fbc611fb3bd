import { css } from 'lit';

/** What stands in the sheets of the page and around them; embeds. */
export const sheetStyles = css`
  .caption {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 6px 10px;
  }

  .caption > :first-child {
    flex: 1 1 240px;
  }

  .caption button {
    min-height: 30px;
    padding: 0 9px;
    font-size: 14px;
  }

  .legend {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 2px 14px;
    margin: 0;
    font-size: 12px;
    color: var(--nm-muted);
  }

  .legend i {
    display: inline-block;
    width: 12px;
    height: 12px;
    margin-right: 5px;
    border-radius: 3px;
    vertical-align: -1px;
    border: 2.5px solid var(--nm-neutral);
  }

  .legend .helped-swatch {
    border-color: rgb(var(--nm-helped-rgb));
  }

  .legend .hurt-swatch {
    border-color: rgb(var(--nm-hurt-rgb));
  }

  .legend .changed-swatch {
    border-color: var(--nm-neutral);
    border-width: 1px;
    background: color-mix(in srgb, rgb(var(--nm-changed-rgb)) 38%, var(--nm-raised));
  }

  .score {
    display: flex;
    align-items: baseline;
    gap: 8px;
    margin-bottom: 2px;
    min-height: 34px;
  }

  .score b {
    font-size: 26px;
    line-height: 34px;
    font-variant-numeric: tabular-nums;
    letter-spacing: -0.02em;
  }

  .score span {
    font-size: 12.5px;
    color: var(--nm-muted);
  }

  details.why > summary {
    min-height: 0;
    font-size: inherit;
    font-weight: inherit;
    line-height: inherit;
    color: inherit;
  }

  /* What the tour is about. */
  .about-centre .centre,
  .about-curves .curves,
  .about-settings .settings-sheet {
    outline: 2px solid var(--nm-accent);
    outline-offset: 1px;
  }

  .slow {
    gap: 0;
    margin-top: 8px;
    padding: 2px 2px 2px 8px;
    font-size: 13px;
    line-height: 1.35;
  }

  .story {
    display: grid;
    gap: 4px;
    font-size: 13px;
    line-height: 1.35;
  }

  .levels,
  .decisions ul {
    margin: 0;
    padding: 0;
    list-style: none;
  }

  .levels {
    display: flex;
    flex-wrap: wrap;
    gap: 0 14px;
    color: var(--nm-muted);
    font-variant-numeric: tabular-nums;
  }

  .levels .present {
    color: var(--nm-text);
  }

  .decisions summary {
    cursor: pointer;
    overflow-wrap: anywhere;
  }

  .decisions ul {
    display: grid;
    gap: 3px;
    max-height: 9em;
    padding: 4px 0 4px 16px;
    overflow: auto;
    overflow-wrap: anywhere;
  }

  .decisions .roll-back,
  .decisions .refused {
    color: var(--nm-hurt);
  }

  .compared {
    display: flex;
    align-items: center;
    justify-content: space-between;
    gap: 6px;
    margin: 2px 0 0;
    font-size: 12.5px;
    overflow-wrap: anywhere;
    line-height: 1.25;
  }

  .compared i {
    display: inline-block;
    width: 8px;
    height: 8px;
    margin-right: 6px;
    background: var(--nm-compared);
  }

  .compared button {
    min-height: 24px;
    padding: 0 5px;
  }

  .curves,
  .page:not(.narrow) .inside {
    display: flex;
    flex-direction: column;
  }

  nm-chart {
    flex: 1;
  }

  .page:not(.narrow) details.inside:not([open]) {
    align-self: start;
  }

  .page:not(.narrow) .inside::details-content {
    display: contents;
  }

  details summary {
    cursor: pointer;
    font-size: 13px;
    font-weight: 600;
    min-height: 24px;
    color: var(--nm-muted);
    list-style-position: inside;
    line-height: 24px;
  }

  .brief .bar {
    display: flex;
    align-items: center;
    gap: 12px;
    flex-wrap: wrap;
  }

  .brief .score {
    margin: 0;
  }

  /* Embeds: the network, play, accuracy. */
  .page.brief {
    grid-template-rows: minmax(0, 1fr) auto;
    padding: 8px;
    gap: 6px;
  }

  .brief .centre {
    grid-area: auto;
    grid-template-rows: auto minmax(0, 1fr);
    padding: 8px 10px;
  }

  .brief nm-network {
    min-height: 120px;
  }

  .brief .asked {
    font-size: 14px;
    color: var(--nm-muted);
  }

  .brief .asked .mono {
    color: var(--nm-text);
  }

  .page.bare {
    grid-template-rows: minmax(0, 1fr);
  }

  .page:not(.narrow) .settings-sheet > summary {
    display: none;
  }
`;
