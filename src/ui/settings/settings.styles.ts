import { css } from 'lit';

export const styles = css`
  :host {
    display: grid;
    gap: 3px;
  }

  .row {
    display: grid;
    grid-template-columns: 102px minmax(0, 1fr) auto;
    gap: 8px;
    align-items: center;
    font-size: 14px;
  }

  .level {
    grid-template-columns: 102px minmax(0, 1fr);
  }

  .row > * {
    min-width: 0;
  }

  .seed input {
    width: 100%;
    font-variant-numeric: tabular-nums;
  }

  .seed button,
  .model button {
    padding: 0 9px;
  }

  /* Long names break where they have a hyphen, and end after two lines. */
  .name {
    display: -webkit-box;
    -webkit-box-orient: vertical;
    -webkit-line-clamp: 2;
    overflow: hidden;
    overflow-wrap: anywhere;
    font-size: 13px;
    line-height: 1.2;
  }

  .seed input,
  .seed button,
  .model button,
  select {
    min-height: 32px;
    font-size: 14px;
  }

  select {
    font-size: 13px;
    padding: 0 0 0 6px;
  }

  .reward button {
    min-height: 32px;
    padding: 0 9px;
    font-size: 14px;
  }

  .dial {
    grid-template-columns: 102px minmax(0, 1fr) 52px;
    min-height: 25px;
  }

  output {
    text-align: right;
    font-weight: 600;
  }

  input[type='range'] {
    appearance: none;
    width: 100%;
    height: 24px;
    margin: 0;
    background: transparent;
    cursor: pointer;
  }

  input[type='range']::-webkit-slider-runnable-track {
    height: 5px;
    border-radius: 3px;
    background: linear-gradient(to right, var(--nm-accent) var(--fill), var(--nm-line) var(--fill));
  }

  input[type='range']::-moz-range-track {
    height: 5px;
    border-radius: 3px;
    background: linear-gradient(to right, var(--nm-accent) var(--fill), var(--nm-line) var(--fill));
  }

  input[type='range']::-webkit-slider-thumb {
    appearance: none;
    width: 16px;
    height: 16px;
    margin-top: -5.5px;
    border: 2px solid var(--nm-surface);
    border-radius: 50%;
    background: var(--nm-accent);
    box-shadow: 0 0 0 1px var(--nm-accent);
  }

  input[type='range']::-moz-range-thumb {
    width: 12px;
    height: 12px;
    border: 2px solid var(--nm-surface);
    border-radius: 50%;
    background: var(--nm-accent);
    box-shadow: 0 0 0 1px var(--nm-accent);
  }

  input[type='number'] {
    appearance: textfield;
  }

  input[type='number']::-webkit-inner-spin-button {
    appearance: none;
  }
`;
