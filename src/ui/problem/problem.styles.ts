import { css } from 'lit';

export const styles = css`
  :host {
    display: block;
  }

  h2 small {
    margin-left: 4px;
    font-size: 12px;
    font-weight: 400;
    white-space: nowrap;
  }

  .text {
    margin: 2px 0 3px;
    font-size: 18px;
    min-height: 1.4em;
    max-height: 2.9em;
    overflow: auto;
  }

  /* Sentences, and questions of many lines. */
  .long {
    font-size: 14px;
    line-height: 1.4;
    max-height: 7em;
    white-space: pre-wrap;
  }

  dl {
    display: grid;
    grid-template-columns: auto auto;
    gap: 0 18px;
    justify-content: start;
    margin: 0 0 6px;
  }

  dl > div {
    display: flex;
    align-items: baseline;
    gap: 6px;
  }

  dt,
  label {
    font-size: 13px;
    color: var(--nm-muted);
  }

  dd {
    margin: 0;
    font-weight: 600;
    min-height: 1.4em;
  }

  .field {
    display: flex;
    gap: 6px;
    margin-top: 2px;
  }

  input {
    flex: 1;
    width: 0;
  }

  input::placeholder {
    color: var(--nm-muted);
    opacity: 1;
  }

  #complaint {
    margin: 4px 0 0;
    font-size: 13px;
  }

  #complaint:empty {
    display: none;
  }
`;
