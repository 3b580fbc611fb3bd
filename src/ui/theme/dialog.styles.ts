import { css } from 'lit';

/** The frame of a dialog; how large it is, each says by itself. */
export const dialogStyles = css`
  dialog {
    padding: 0;
    border: 1px solid var(--nm-line);
    border-radius: var(--nm-radius);
    background: var(--nm-surface);
    color: var(--nm-text);
    box-shadow: 0 12px 48px rgb(0 0 0 / 30%);
  }

  dialog::backdrop {
    background: rgb(10 16 24 / 45%);
  }

  h2 {
    font-size: 17px;
    color: var(--nm-text);
  }

  .fault {
    margin: 0;
    padding: 8px 16px;
    border-left: 4px solid var(--nm-error-line);
    background: var(--nm-error-background);
    font-size: 14px;
    overflow-wrap: anywhere;
  }
`;

/** A dialog with a head that stays, over what scrolls. */
export const longDialogStyles = css`
  dialog[open] {
    display: flex;
    flex-direction: column;
  }

  header {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 6px 10px;
    padding: 8px 16px;
    border-bottom: 1px solid var(--nm-line);
  }

  header [role='status'] {
    flex: 1;
    font-size: 14px;
    text-align: right;
    overflow-wrap: anywhere;
  }
`;
