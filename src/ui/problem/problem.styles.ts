import { css } from 'lit';

export const styles = css`
  :host {
    display: block;
  }

  .text {
    margin: 2px 0 6px;
    font-size: 18px;
    min-height: 1.4em;
    max-height: 2.9em;
    overflow: auto;
  }

  dl {
    display: grid;
    grid-template-columns: 1fr 1fr;
    gap: 8px;
    margin: 0 0 8px;
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
