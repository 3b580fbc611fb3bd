import { css } from 'lit';

export const styles = css`
  :host {
    display: block;
  }

  ol {
    display: flex;
    flex-wrap: wrap;
    gap: 4px 2px;
    margin: 0;
    padding: 0;
    list-style: none;
  }

  li {
    display: grid;
    grid-template-rows: 26px 22px auto;
    justify-items: center;
    width: 34px;
    border-radius: 4px;
    overflow: hidden;
    background: var(--nm-sunken);
  }

  .character {
    font: 16px/26px var(--nm-mono);
    white-space: pre;
    max-width: 100%;
  }

  .bar {
    position: relative;
    width: 100%;
    height: 22px;
    border-bottom: 1px solid var(--nm-strong-line);
  }

  .bar::after {
    content: '';
    position: absolute;
    inset: auto 7px 0;
    height: calc(var(--probability) * 100%);
    min-height: 1px;
    background: var(--nm-helped);
  }

  .share {
    font-size: 11px;
    line-height: 16px;
    color: var(--nm-muted);
    font-variant-numeric: tabular-nums;
  }

  .end .character {
    font: 11px/26px var(--nm-font);
    color: var(--nm-muted);
  }
`;
