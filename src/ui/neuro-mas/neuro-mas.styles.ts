import { css } from 'lit';
import { columnStyles } from './column.styles.ts';
import { sheetStyles } from './sheets.styles.ts';

/** The page, from its head to the desk. */
const page = css`
  :host {
    display: block;
    container-type: inline-size;
    background: var(--nm-background);
    min-height: 320px;
    /* Not hidden: that would be a scroller of its own, and the play bar of a phone would stick to it. */
    overflow: clip;
  }

  .page {
    display: grid;
    grid-template-rows: auto auto minmax(0, 1fr);
    gap: 10px;
    height: 100%;
    min-height: inherit;
    padding: 10px 14px 14px;
  }

  header {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 8px;
  }

  .top {
    display: flex;
    align-items: center;
    gap: 10px;
  }

  .brand {
    font-weight: 700;
    font-size: 17px;
    letter-spacing: -0.01em;
    white-space: nowrap;
  }

  .brand span {
    font-weight: 400;
    color: var(--nm-muted);
  }

  .preset {
    display: flex;
    align-items: center;
    gap: 8px;
    min-width: 0;
    margin-left: 8px;
  }

  .preset label {
    font-size: 14px;
    color: var(--nm-muted);
  }

  .preset select {
    max-width: 400px;
  }

  .space {
    flex: 1;
  }

  .toast {
    font-size: 14px;
    white-space: nowrap;
    color: var(--nm-muted);
  }

  .lead {
    display: grid;
    gap: 1px;
  }

  h1 {
    margin: 0;
    font-size: 21px;
    line-height: 1.25;
    font-weight: 650;
    letter-spacing: -0.01em;
  }

  h1 span {
    font-weight: 400;
    color: var(--nm-muted);
  }

  .lead p {
    margin: 0;
    font-size: 14px;
    color: var(--nm-muted);
  }

  .page > .playback {
    min-height: 0;
  }

  .desk {
    display: grid;
    grid-template: minmax(0, 1fr) auto / 300px minmax(0, 1fr) 290px;
    grid-template-areas: 'left centre right' 'left panel panel';
    gap: 10px;
    min-height: 0;
  }

  .sheet {
    border: 1px solid var(--nm-line);
    border-radius: var(--nm-radius);
    background: var(--nm-surface);
    padding: 10px 14px;
    min-width: 0;
    min-height: 0;
  }

  .left {
    grid-area: left;
    display: grid;
    grid-template: auto auto minmax(0, 1fr) / minmax(0, 1fr);
    gap: 10px;
    min-height: 0;
  }

  .centre {
    grid-area: centre;
    display: grid;
    grid-template-rows: auto minmax(0, 1fr) auto;
    gap: 6px;
  }

  .centre nm-network {
    grid-row: 2;
  }

  .centre .caption {
    grid-row: 3;
  }

  /* The opened node tells more than the means over all of them. */
  .page:not(.narrow) .opened .inside,
  .page:not(.narrow) .comparing .inside {
    display: none;
  }

  .page:not(.narrow) .opened .right,
  .page:not(.narrow) .comparing .right {
    grid-template-rows: minmax(0, 1fr) auto;
  }

  /* A shadow at the lower edge while there is more below. */
  .settings-sheet {
    overflow: auto;
    background:
      linear-gradient(var(--nm-surface), var(--nm-surface)) bottom / 100% 24px no-repeat local,
      linear-gradient(transparent, rgb(0 0 0 / 14%)) bottom / 100% 12px no-repeat scroll,
      var(--nm-surface);
  }

  .right {
    grid-area: right;
    display: grid;
    grid-template: minmax(0, 1.4fr) minmax(0, 1fr) auto / minmax(0, 1fr);
    gap: 10px;
    min-height: 0;
  }

  .panel {
    grid-area: panel;
    container-type: inline-size;
    max-height: 300px;
    overflow: auto;
  }

  nm-network {
    min-height: 180px;
  }
`;

/** Where there is little room. */
const small = css`
  @container (max-width: 1100px) {
    .page:not(.narrow) .brand span,
    .page:not(.narrow) .top button svg {
      display: none;
    }

    .page:not(.narrow) .desk {
      grid-template-columns: 270px minmax(0, 1fr) 230px;
    }
  }

  /* The window of a small laptop. */
  @media (max-height: 700px) {
    .page:not(.narrow) .lead {
      display: flex;
      align-items: baseline;
      gap: 12px;
    }

    .page:not(.narrow) h1 {
      font-size: 18px;
    }

    .page:not(.narrow) .lead > * {
      min-width: 0;
      overflow: hidden;
      text-overflow: ellipsis;
      white-space: nowrap;
    }

    /* What there is to look for gives way first. */
    .page:not(.narrow) .lead p {
      flex: 0 1000 auto;
    }

    .page:not(.narrow) .panel {
      max-height: 210px;
    }
  }

  /* The node that is open and the curves tell more than how far the training is. */
  @media (max-height: 880px) {
    .page:not(.narrow) .opened .status-sheet {
      display: none;
    }
  }
`;

export const styles = [page, sheetStyles, columnStyles, small];
