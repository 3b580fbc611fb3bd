import { css } from 'lit';

export const embedStyles = css`
  .brief .centre {
    position: relative;
  }

  .brief .hurt {
    font-size: 13px;
    color: var(--nm-hurt);
  }

  button.poster {
    position: absolute;
    inset: 0;
    z-index: 3;
    display: grid;
    place-content: center;
    justify-items: center;
    gap: 10px;
    width: 100%;
    height: 100%;
    padding: 16px;
    border: 0;
    border-radius: inherit;
    background: color-mix(in srgb, var(--nm-surface) 88%, transparent);
    color: var(--nm-text);
    font: inherit;
    white-space: normal;
    text-align: center;
    cursor: pointer;
  }

  .brief .instead {
    position: absolute;
    inset: auto 0 10px;
    z-index: 4;
    justify-self: center;
    margin: 0 auto;
    width: max-content;
    max-width: calc(100% - 24px);
    min-height: 30px;
    font-size: 13px;
    white-space: normal;
  }

  .poster-lead {
    max-width: 34em;
    font-weight: 600;
  }

  .poster-play {
    display: inline-flex;
    align-items: center;
    gap: 8px;
    padding: 8px 16px;
    border-radius: var(--nm-control-radius);
    background: var(--nm-accent);
    color: var(--nm-on-accent);
    font-weight: 600;
  }

  .poster:hover .poster-play {
    background: var(--nm-accent-hover);
  }

  .poster-size {
    font-size: 13px;
    color: var(--nm-muted);
  }
`;
