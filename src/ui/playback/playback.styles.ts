import { css } from 'lit';

/** After those of the page, which it is laid out as. */
export const playbackStyles = css`
  :host {
    min-height: 0;
    overflow: visible;
    container-type: normal;
    background: none;
  }

  .page {
    grid-template-rows: auto minmax(0, 1fr);
    padding: 0;
    min-height: 0;
  }

  .page.narrow {
    padding: 0;
  }

  /* That it is a recording stays in place: it would lie over the network. */
  .narrow .notices {
    position: static;
  }

  .play-sheet {
    display: grid;
    gap: 8px;
  }

  .facts {
    display: grid;
    grid-template-columns: auto minmax(0, 1fr);
    gap: 3px 12px;
    margin: 0;
    font-size: 13px;
  }

  .facts dt {
    color: var(--nm-muted);
  }

  .facts dd {
    margin: 0;
    overflow-wrap: anywhere;
  }

  .verdict {
    margin: 0;
    font-size: 13px;
  }

  .recorded {
    flex: 1 1 100%;
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    justify-content: space-between;
    gap: 2px 10px;
    font-size: 13px;
    color: var(--nm-muted);
  }

  .recorded button {
    min-height: 28px;
    padding: 0 9px;
    font-size: 13px;
  }

  .brief nm-scrubber {
    flex: 1 1 160px;
  }

  /* The score and the button share a line; which recording it is stands below. */
  .brief .bar {
    gap: 4px 12px;
  }

  .brief .recorded {
    display: contents;
  }

  .brief .recorded button {
    margin-left: auto;
  }

  .brief .recorded button + button {
    margin-left: 0;
  }

  .brief .recorded span {
    order: 1;
    flex: 1 1 100%;
    font-size: 12.5px;
  }

  :host(:not([controls='full'])),
  .page.brief {
    height: 100%;
    min-height: inherit;
  }

  .page.brief {
    padding: 8px;
  }
`;
