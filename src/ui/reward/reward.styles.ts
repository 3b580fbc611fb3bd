import { css } from 'lit';

export const styles = css`
  dialog {
    width: min(720px, calc(100vw - 24px));
    max-height: calc(100dvh - 32px);
  }

  form {
    display: grid;
    gap: 10px;
    padding: 14px 16px;
  }

  p {
    margin: 0;
    font-size: 14px;
    overflow-wrap: anywhere;
  }

  textarea {
    width: 100%;
    min-height: 220px;
    padding: 8px 9px;
    border: 1px solid var(--nm-strong-line);
    border-radius: var(--nm-control-radius);
    background: var(--nm-sunken);
    color: inherit;
    font: 14px/1.5 var(--nm-mono);
    tab-size: 2;
    resize: vertical;
  }

  .field {
    display: grid;
    grid-template-columns: 112px 1fr;
    gap: 4px 10px;
    align-items: center;
    font-size: 14px;
  }

  .field input,
  .field select {
    width: 100%;
    min-width: 0;
    min-height: 34px;
    padding: 0 9px;
    border: 1px solid var(--nm-strong-line);
    border-radius: var(--nm-control-radius);
    background: var(--nm-sunken);
  }

  .foreign {
    padding: 8px 10px;
    border-left: 4px solid var(--nm-error-line);
    background: var(--nm-error-background);
  }

  .foreign label {
    display: flex;
    gap: 8px;
    align-items: baseline;
    margin-top: 6px;
    font-weight: 600;
  }

  .actions {
    display: flex;
    flex-wrap: wrap;
    gap: 8px;
  }

  .actions .close {
    margin-left: auto;
  }

  [role='status'] {
    min-height: 1.45em;
  }
`;
