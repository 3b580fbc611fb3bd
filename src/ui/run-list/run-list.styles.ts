import { css } from 'lit';

export const styles = css`
  dialog {
    width: min(820px, calc(100vw - 24px));
    max-height: min(720px, calc(100dvh - 32px));
  }

  footer {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 6px 10px;
    padding: 8px 16px;
    border-top: 1px solid var(--nm-line);
  }

  .list {
    flex: 1;
    min-height: 0;
    overflow: auto;
  }

  .none {
    margin: 0;
    padding: 20px 16px;
  }

  ul {
    margin: 0;
    padding: 0;
    list-style: none;
  }

  li {
    display: grid;
    gap: 3px;
    padding: 10px 16px;
    /* A history of 1,000 runs: those out of sight are not laid out. */
    content-visibility: auto;
    contain-intrinsic-size: auto 76px;
  }

  li + li {
    border-top: 1px solid var(--nm-line);
  }

  li p {
    margin: 0;
    font-size: 13px;
    overflow-wrap: anywhere;
  }

  li b {
    color: var(--nm-text);
  }

  h3 {
    font-size: 15px;
    color: var(--nm-text);
    overflow-wrap: anywhere;
  }

  .gone {
    display: flex;
    align-items: center;
    justify-content: space-between;
    gap: 10px;
    background: var(--nm-sunken);
  }

  .actions {
    display: flex;
    flex-wrap: wrap;
    gap: 6px;
    margin-top: 3px;
  }

  .actions button {
    min-height: 30px;
    padding: 0 8px;
    font-size: 13.5px;
  }

  .actions button[aria-pressed='true'] {
    background: var(--nm-accent-soft);
    border-color: var(--nm-accent);
  }

  .name {
    display: flex;
    gap: 6px;
  }

  .name input {
    flex: 1;
    max-width: 420px;
  }

  .use {
    flex: 1 1 220px;
    margin: 0;
    font-size: 13px;
    text-align: right;
  }

  @media (max-width: 600px) {
    header [role='status'] {
      order: 3;
      flex-basis: 100%;
      text-align: left;
    }

    header button {
      margin-left: auto;
    }

    .use {
      text-align: left;
    }

    .actions button {
      min-height: 38px;
    }
  }
`;
