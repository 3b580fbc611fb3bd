import { css } from 'lit';

export const styles = css`
  :host {
    display: block;
    overflow: auto;
  }

  header {
    display: flex;
    align-items: center;
    gap: 10px;
    margin: -4px 0 4px;
  }

  h2 {
    font-size: 16px;
    color: var(--nm-text);
  }

  .where {
    font-size: 13px;
    flex: 1;
  }

  header button {
    min-height: 30px;
    padding: 0 8px;
  }

  .edit {
    margin-bottom: 8px;
    padding-bottom: 8px;
    border-bottom: 1px solid var(--nm-line);
  }

  .columns {
    display: grid;
    grid-template-columns: minmax(0, 1.2fr) minmax(0, 1fr) minmax(0, 1.25fr) minmax(0, 0.95fr);
    gap: 4px 22px;
  }

  .heard {
    margin: 0 0 6px;
    padding: 0;
    list-style: none;
    max-height: 70px;
    overflow: auto;
  }

  .heard .muted {
    font-size: 13px;
  }

  p {
    margin: 0 0 6px;
  }

  .small {
    font-size: 13px;
    line-height: 1.45;
    font-family: var(--nm-font);
  }

  .scrub {
    display: grid;
    grid-template-columns: 1fr 62px;
    gap: 8px;
    align-items: center;
    font-size: 13px;
  }

  .scrub input {
    width: 100%;
    accent-color: var(--nm-accent);
  }

  .scrub output {
    text-align: right;
  }

  .figures {
    display: grid;
    gap: 4px;
    margin: 0;
    align-content: start;
  }

  .figures > div {
    display: grid;
    grid-template-columns: 1fr auto;
    gap: 8px;
    align-items: baseline;
  }

  .figures dt {
    font-size: 14px;
    line-height: 1.25;
    min-width: 0;
  }

  .figures dt span {
    display: block;
    font-size: 12px;
    color: var(--nm-muted);
  }

  .figures dd {
    margin: 0;
    font-weight: 600;
    font-variant-numeric: tabular-nums;
  }

  .figures,
  .worth {
    grid-row: 1 / span 2;
  }

  .figures {
    grid-column: 3;
  }

  .worth {
    grid-column: 4;
  }

  .hands {
    grid-area: 2 / 1 / 2 / span 2;
    align-self: end;
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 5px;
  }

  .hands .switch {
    margin: 0 8px 0 0;
  }

  .hands button {
    min-height: 30px;
    padding: 0 8px;
    font-size: 13.5px;
  }

  .hands button[aria-disabled='true'] {
    color: var(--nm-muted);
    background: var(--nm-sunken);
    border-color: var(--nm-line);
    cursor: default;
  }

  .switch {
    display: flex;
    align-items: center;
    gap: 8px;
    margin: 4px 0 6px;
    font-size: 14px;
    cursor: pointer;
  }

  .switch input {
    appearance: none;
    position: relative;
    width: 38px;
    height: 22px;
    margin: 0;
    flex: none;
    border: 1px solid var(--nm-strong-line);
    border-radius: 11px;
    background: var(--nm-sunken);
    cursor: pointer;
    transition: background var(--nm-quick);
  }

  .switch input::after {
    content: '';
    position: absolute;
    top: 3px;
    left: 3px;
    width: 14px;
    height: 14px;
    border-radius: 50%;
    background: var(--nm-strong-line);
    transition: transform var(--nm-quick);
  }

  .switch input:checked {
    background: var(--nm-accent);
    border-color: var(--nm-accent);
  }

  .switch input:checked::after {
    background: var(--nm-on-accent);
    transform: translateX(16px);
  }

  @container (max-width: 760px) {
    .columns {
      grid-template-columns: minmax(0, 1fr);
      gap: 12px;
    }

    .columns > * {
      grid-area: auto;
    }
  }
`;
