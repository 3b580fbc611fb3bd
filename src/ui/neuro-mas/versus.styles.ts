import { css } from 'lit';

export const versusStyles = css`
  .versus {
    grid-row: 2;
    display: grid;
    grid-template: minmax(0, 1fr) auto / repeat(2, minmax(0, 1fr));
    gap: 6px 14px;
    min-height: 0;
  }

  .versus section {
    display: grid;
    grid-template-rows: auto auto auto minmax(0, 1fr);
    gap: 2px;
    min-width: 0;
    min-height: 0;
  }

  .versus section + section {
    padding-left: 13px;
    border-left: 1px solid var(--nm-line);
  }

  .versus nm-network {
    grid-row: 4;
  }

  .versus h2,
  .versus p {
    margin: 0;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }

  .versus p {
    font-size: 12.5px;
    color: var(--nm-muted);
  }

  .versus h2 + p {
    white-space: normal;
  }

  .versus .mono {
    color: var(--nm-text);
  }

  .versus .helped {
    color: var(--nm-helped);
  }

  .versus .hurt {
    color: var(--nm-hurt);
  }

  .versus i {
    display: inline-block;
    width: 8px;
    height: 8px;
    margin-right: 6px;
    background: var(--nm-compared);
  }

  .versus button {
    grid-column: 1 / -1;
    justify-self: start;
    min-height: 30px;
    padding: 0 9px;
    font-size: 14px;
  }

  .narrow .versus {
    grid-template: auto / minmax(0, 1fr);
  }

  .narrow .versus section + section {
    padding: 10px 0 0;
    border-left: 0;
    border-top: 1px solid var(--nm-line);
  }
`;
