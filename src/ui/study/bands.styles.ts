import { css } from 'lit';

export const bandsStyles = css`
  h4 {
    margin: 0;
    font-size: 13px;
    font-weight: 600;
    color: var(--nm-muted);
  }

  .plot {
    flex: none;
    height: var(--nm-plot-height, 240px);
  }

  ul {
    display: grid;
    grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr));
    gap: 1px 18px;
    margin: 0;
    padding: 0;
    list-style: none;
    font-size: 13px;
  }

  li {
    display: flex;
    align-items: center;
    justify-content: space-between;
    gap: 8px;
    min-width: 0;
  }

  label {
    display: flex;
    align-items: center;
    gap: 6px;
    min-width: 0;
    min-height: 24px;
    cursor: pointer;
    overflow-wrap: anywhere;
  }

  input {
    flex: none;
    margin: 0;
    accent-color: var(--nm-accent);
  }

  .key {
    flex: none;
    min-width: 19px;
    padding: 0 4px;
    border-bottom: 3px solid var(--series);
    text-align: center;
    font-variant-numeric: tabular-nums;
  }

  .dashed {
    border-bottom-style: dashed;
  }

  .value {
    flex: none;
    font-weight: 600;
    font-variant-numeric: tabular-nums;
  }

  small {
    font-size: 12px;
    font-weight: 400;
    color: var(--nm-muted);
  }

  @media (pointer: coarse) {
    label {
      min-height: 36px;
    }
  }
`;
