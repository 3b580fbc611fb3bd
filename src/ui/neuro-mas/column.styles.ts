import { css } from 'lit';
import { visuallyHidden } from '../theme/controls.styles.ts';

/** A narrow page: everything in one column. */
export const columnStyles = css`
  /* One column. */
  .narrow .desk,
  .narrow .left,
  .narrow .right {
    display: contents;
  }

  .page.narrow {
    display: flex;
    flex-direction: column;
    height: auto;
    padding: 10px;
  }

  .narrow .top {
    flex-wrap: wrap;
    gap: 8px 4px;
  }

  .narrow .top button {
    padding: 0 7px;
    font-size: 14px;
  }

  .narrow .brand {
    font-size: 16px;
  }

  /* The tour says what there is to see, and a phone has no room to say it twice. */
  .page.narrow:has(nm-tour) :is(.preset, #tour, .slow) {
    display: none;
  }

  /* It is the heading of the page all the same. */
  .page.narrow:has(nm-tour) .lead {
    ${visuallyHidden}
  }

  @container (max-width: 400px) {
    .narrow .top button {
      padding: 0 5px;
      font-size: 13px;
    }
  }

  .narrow .top button svg {
    display: none;
  }

  .narrow .top button.primary {
    order: 2;
    flex: 1 1 100%;
  }

  .narrow .brand span {
    display: none;
  }

  .narrow .toast {
    order: 4;
  }

  .narrow .preset {
    order: 3;
    width: 100%;
    margin: 0;
  }

  .narrow .preset select {
    flex: 1;
    max-width: none;
  }

  .narrow .sheet {
    padding: 10px 12px;
  }

  .narrow .problem-sheet {
    order: 1;
  }

  .narrow .centre {
    order: 2;
  }

  .narrow nm-network {
    height: 330px;
  }

  /* Where the picture runs down, it is as high as it has to be: a picture that scrolls catches the finger. */
  @container (max-width: 540px) {
    .narrow nm-network {
      height: min(80px + var(--layers, 2) * 142px, 660px);
    }
  }

  .narrow .panel {
    order: 3;
    max-height: none;
  }

  .narrow .play-sheet {
    order: 4;
    position: sticky;
    bottom: 0;
    z-index: 5;
    padding: 8px 12px;
    box-shadow: 0 -4px 14px rgb(0 0 0 / 12%);
  }

  .narrow .curves {
    order: 5;
    height: 280px;
  }

  .narrow .status-sheet {
    order: 6;
  }

  .narrow .settings-sheet {
    order: 7;
  }

  .narrow .inside {
    order: 8;
    display: block;
  }

  .narrow .inside nm-chart {
    height: 190px;
  }

  .narrow .inside[open]::details-content,
  .narrow .settings-sheet[open]::details-content {
    padding-top: 8px;
  }

  .narrow h1 {
    font-size: 18px;
  }

  .narrow .notices {
    position: sticky;
    top: 0;
    z-index: 6;
  }
`;
