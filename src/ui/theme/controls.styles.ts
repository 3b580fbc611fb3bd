import { css } from 'lit';

/** Native controls in the house style, shared by every component that has some. */
/** Declarations of what is there for readers of the screen only. */
export const visuallyHidden = css`
  position: absolute;
  width: 1px;
  height: 1px;
  margin: -1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
`;

export const controls = css`
  :host {
    box-sizing: border-box;
    font: 15px/1.45 var(--nm-font);
    color: var(--nm-text);
  }

  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }

  [hidden] {
    display: none !important;
  }

  button,
  select,
  input {
    font: inherit;
    color: inherit;
  }

  button,
  .button {
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: 6px;
    min-height: 34px;
    padding: 0 12px;
    border: 1px solid var(--nm-line);
    border-radius: var(--nm-control-radius);
    background: var(--nm-raised);
    white-space: nowrap;
    cursor: pointer;
    transition:
      background var(--nm-quick),
      border-color var(--nm-quick);
  }

  button:hover:not(:disabled) {
    border-color: var(--nm-accent);
    color: var(--nm-accent);
  }

  button.primary {
    border-color: var(--nm-accent);
    background: var(--nm-accent);
    color: var(--nm-on-accent);
    font-weight: 600;
  }

  button.primary:hover:not(:disabled) {
    border-color: var(--nm-accent-hover);
    background: var(--nm-accent-hover);
    color: var(--nm-on-accent);
  }

  button.plain {
    border-color: transparent;
    background: transparent;
    color: var(--nm-accent);
  }

  button:disabled {
    color: var(--nm-muted);
    background: var(--nm-sunken);
    border-color: var(--nm-line);
    cursor: default;
  }

  button svg {
    width: 16px;
    height: 16px;
    fill: currentColor;
    flex: none;
  }

  select,
  input[type='text'],
  input[type='number'] {
    min-height: 34px;
    min-width: 0;
    padding: 0 9px;
    border: 1px solid var(--nm-strong-line);
    border-radius: var(--nm-control-radius);
    background: var(--nm-surface);
  }

  select {
    padding-right: 4px;
    cursor: pointer;
  }

  :focus-visible {
    outline: 2px solid var(--nm-accent);
    outline-offset: 2px;
  }

  .mono {
    font: 16px/1.4 var(--nm-mono);
    overflow-wrap: anywhere;
  }

  /* Around text alone: blanks of the template would show. */
  .verbatim {
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }

  .number {
    font-variant-numeric: tabular-nums;
  }

  .muted {
    color: var(--nm-muted);
  }

  .helped {
    color: var(--nm-helped);
  }

  .hurt {
    color: var(--nm-hurt);
  }

  h2,
  h3 {
    margin: 0;
    font-size: 13px;
    font-weight: 600;
    color: var(--nm-muted);
  }

  .visually-hidden {
    ${visuallyHidden}
  }

  @media (pointer: coarse) {
    button,
    select,
    input[type='text'],
    input[type='number'] {
      min-height: 40px;
    }
  }
`;
