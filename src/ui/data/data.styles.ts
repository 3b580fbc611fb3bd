import { css } from 'lit';

export const styles = css`
  dialog {
    width: min(640px, calc(100vw - 24px));
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

  .sample {
    max-height: 9em;
    margin: 0;
    padding: 8px 9px;
    overflow: auto;
    border: 1px solid var(--nm-line);
    border-radius: var(--nm-control-radius);
    background: var(--nm-sunken);
    font: 13px/1.5 var(--nm-mono);
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }

  .drop {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 10px;
    padding: 12px;
    border: 1px dashed var(--nm-strong-line);
    border-radius: var(--nm-control-radius);
  }

  .row {
    display: grid;
    grid-template-columns: auto minmax(0, 1fr);
    align-items: center;
    gap: 10px;
    font-size: 14px;
  }

  select {
    min-width: 0;
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
