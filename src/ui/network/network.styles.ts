import { css } from 'lit';

export const styles = css`
  :host {
    display: block;
    position: relative;
    min-height: 0;
    min-width: 0;
  }

  .frame {
    position: absolute;
    inset: 0;
    overflow: auto;
  }

  .picture {
    position: relative;
  }

  .picture.edited.right {
    margin-top: 36px;
  }

  ol {
    margin: 0;
    padding: 0;
    list-style: none;
  }

  svg {
    position: absolute;
    inset: 0;
    width: 100%;
    height: 100%;
    overflow: visible;
    pointer-events: none;
  }

  path {
    fill: none;
    stroke: var(--nm-line);
    stroke-width: 2;
    stroke-linecap: round;
    transition: stroke var(--nm-slow);
  }

  path.input {
    stroke-dasharray: 1 5;
    stroke: var(--nm-strong-line);
  }

  .source {
    position: absolute;
    transform: translate(-50%, -50%);
    font-size: 12px;
    line-height: 16px;
    color: var(--nm-muted);
  }

  .right .source {
    writing-mode: vertical-rl;
    transform: translate(-50%, -50%) rotate(180deg);
  }

  path.carried {
    stroke: var(--nm-strong-line);
  }

  path.blanked {
    stroke-dasharray: 5 6;
    stroke: var(--nm-hurt);
    opacity: 0.7;
  }

  li {
    display: contents;
  }

  .card {
    position: absolute;
    display: flex;
    flex-direction: column;
    align-items: stretch;
    justify-content: flex-start;
    gap: 0;
    min-height: 0;
    padding: 5px 10px 6px;
    border: 0;
    border-radius: var(--nm-radius);
    background: color-mix(in srgb, rgb(var(--nm-changed-rgb)) var(--changed, 0%), var(--nm-raised));
    box-shadow:
      inset 0 0 0 var(--rim-width, 1.5px) var(--rim, var(--nm-neutral)),
      var(--nm-shadow);
    text-align: left;
    white-space: normal;
    overflow: hidden;
    transition: box-shadow var(--nm-slow);
  }

  .card:hover:not(:disabled) {
    color: inherit;
    border: 0;
  }

  .card:hover,
  .card:focus-visible {
    z-index: 2;
  }

  .card[aria-pressed='true'] {
    outline: 2px solid var(--nm-accent);
    outline-offset: 3px;
  }

  .card:focus-visible {
    outline: 3px solid var(--nm-accent);
    outline-offset: 2px;
  }

  .head {
    display: flex;
    justify-content: space-between;
    gap: 6px;
    font-size: 12px;
    line-height: 18px;
    color: var(--nm-muted);
    font-variant-numeric: tabular-nums;
    white-space: nowrap;
  }

  .head b {
    font-weight: 600;
    color: var(--nm-text);
  }

  .message {
    font: 18px/24px var(--nm-mono);
    overflow-wrap: anywhere;
    display: -webkit-box;
    -webkit-box-orient: vertical;
    -webkit-line-clamp: 2;
    line-clamp: 2;
    overflow: hidden;
    min-height: 24px;
  }

  .message.none {
    color: var(--nm-muted);
    font: 13px/24px var(--nm-font);
  }

  /* On a card that training has changed, the plain colour has too little contrast. */
  .card .hurt {
    color: color-mix(in srgb, var(--nm-hurt) 65%, var(--nm-text));
  }

  .message.dropped {
    text-decoration: line-through;
    text-decoration-color: var(--nm-hurt);
    color: var(--nm-muted);
  }

  .message.writing::after {
    content: '';
    display: inline-block;
    width: 2px;
    height: 18px;
    margin-left: 1px;
    vertical-align: -3px;
    background: var(--nm-accent);
  }

  .compact .card {
    flex-direction: row;
    align-items: center;
    gap: 8px;
    padding: 0 10px;
  }

  .compact .head > :not(b) {
    display: none;
  }

  .compact .message {
    font-size: 15px;
    -webkit-line-clamp: 1;
    line-clamp: 1;
  }

  .answer {
    position: absolute;
    display: flex;
    align-items: center;
    justify-content: center;
    gap: 4px;
    border-radius: var(--nm-radius);
    border: 1.5px solid var(--nm-line);
    background: var(--nm-surface);
    font: 600 18px/1 var(--nm-mono);
    white-space: nowrap;
    overflow: hidden;
  }

  .answer.long {
    gap: 2px;
    font-size: 13px;
  }

  .answer.longer {
    font-size: 10px;
  }

  .answer.right {
    border-color: var(--nm-helped);
    color: var(--nm-helped);
  }

  .answer.wrong {
    border-color: var(--nm-hurt);
    color: var(--nm-hurt);
  }

  .answer .label {
    font: 11px/1 var(--nm-font);
    color: var(--nm-muted);
  }

  .parcel {
    position: absolute;
    left: 0;
    top: 0;
    max-width: 180px;
    padding: 1px 7px;
    border-radius: 999px;
    border: 1px solid var(--nm-strong-line);
    background: var(--nm-surface);
    font: 13px/18px var(--nm-mono);
    white-space: nowrap;
    overflow: hidden;
    text-overflow: ellipsis;
    box-shadow: var(--nm-shadow);
    offset-rotate: 0deg;
    offset-anchor: center;
    pointer-events: none;
    z-index: 3;
    animation: travel var(--travel, 0ms) ease-in-out both;
  }

  @keyframes travel {
    from {
      offset-distance: 0%;
    }

    to {
      offset-distance: 100%;
    }
  }

  wa-popup {
    --arrow-color: var(--nm-raised);
  }

  wa-popup::part(popup) {
    z-index: 10;
  }

  .popover {
    max-width: 330px;
    padding: 10px 12px;
    border: 1px solid var(--nm-line);
    border-radius: var(--nm-radius);
    background: var(--nm-raised);
    box-shadow: 0 6px 24px rgb(0 0 0 / 22%);
    font-size: 13px;
  }

  .popover p {
    margin: 0 0 6px;
    color: var(--nm-muted);
  }
`;
