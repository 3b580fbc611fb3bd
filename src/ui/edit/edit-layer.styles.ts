import { css } from 'lit';

export const styles = css`
  :host {
    position: absolute;
    inset: 0;
    pointer-events: none;
    z-index: 4;
  }

  svg {
    position: absolute;
    inset: 0;
    width: 100%;
    height: 100%;
    overflow: visible;
  }

  path {
    stroke: var(--nm-accent);
    stroke-width: 3;
    stroke-linecap: round;
    stroke-dasharray: 2 6;
  }

  .target {
    position: absolute;
    border: 2px dashed var(--nm-accent);
    border-radius: var(--nm-radius);
  }

  .target.over {
    border-style: solid;
    background: color-mix(in srgb, var(--nm-accent) 14%, transparent);
  }

  .spot {
    position: absolute;
    translate: -50% -50%;
    min-height: 26px;
    padding: 0 7px;
    border-style: dashed;
    font-size: 12px;
    pointer-events: auto;
  }

  .spot[aria-disabled='true'] {
    color: var(--nm-muted);
    cursor: default;
  }

  .handle {
    position: absolute;
    width: 26px;
    height: 26px;
    translate: -50% -50%;
    pointer-events: auto;
    touch-action: none;
    cursor: grab;
  }

  .handle:active {
    cursor: grabbing;
  }

  .handle::after {
    content: '';
    position: absolute;
    inset: 7px;
    border: 2px solid var(--nm-accent);
    border-radius: 50%;
    background: var(--nm-surface);
  }

  .handle:hover::after {
    background: var(--nm-accent);
  }

  /* Ends stand beside each other at a card. */
  .handle.end.right {
    height: 14px;
  }

  .handle.end.down {
    width: 14px;
  }

  .handle.end::after {
    inset: 50% auto auto 50%;
    width: 10px;
    height: 10px;
    translate: -50% -50%;
    border-radius: 2px;
  }
`;
