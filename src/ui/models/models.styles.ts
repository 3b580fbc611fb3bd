import { css } from 'lit';

export const styles = css`
  dialog {
    width: min(680px, calc(100vw - 24px));
    max-height: min(760px, calc(100dvh - 32px));
  }

  form {
    display: flex;
    flex-direction: column;
    max-height: inherit;
  }

  header,
  footer {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 6px 12px;
    padding: 8px 16px;
  }

  header {
    justify-content: space-between;
    border-bottom: 1px solid var(--nm-line);
  }

  footer {
    border-top: 1px solid var(--nm-line);
  }

  footer p {
    flex: 1 1 200px;
  }

  p {
    margin: 0;
    font-size: 13.5px;
  }

  .list {
    flex: 1;
    min-height: 0;
    padding: 6px 16px 10px;
    overflow: auto;
  }

  .list > p {
    padding: 8px 0 2px;
  }

  .option {
    display: flex;
    align-items: baseline;
    gap: 9px;
    padding: 5px 0;
    font-size: 14px;
    cursor: pointer;
  }

  .option .muted {
    font-size: 13.5px;
  }

  .option input {
    flex: none;
    accent-color: var(--nm-accent);
  }

  .typed input {
    width: 100%;
    margin: 2px 0 4px;
    min-height: 34px;
  }

  .answer {
    display: grid;
    gap: 4px;
    padding: 10px 16px;
    border-top: 1px solid var(--nm-line);
    background: var(--nm-sunken);
    font-size: 13.5px;
    overflow-wrap: anywhere;
  }

  .fault {
    padding: 4px 8px;
    font-size: 13.5px;
  }

  .bits {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 8px;
  }

  .bits select {
    min-height: 30px;
  }

  @media (max-width: 600px) {
    .option {
      padding: 8px 0;
    }
  }
`;
