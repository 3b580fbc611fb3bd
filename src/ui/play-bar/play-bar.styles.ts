import { css } from 'lit';

export const styles = css`
  :host {
    display: grid;
    gap: 7px;
  }

  .main {
    display: grid;
    grid-template-columns: repeat(3, minmax(0, auto));
    gap: 6px;
  }

  .main button {
    padding: 0 6px;
    font-size: 14px;
  }

  .main .primary {
    grid-column: 1 / -1;
    min-height: 40px;
    font-size: 16px;
  }

  :host(:not([brief])) {
    container-type: inline-size;
  }

  @container (max-width: 250px) {
    .main button:not(.primary) svg {
      display: none;
    }
  }

  :host([brief]) .main {
    grid-template-columns: auto;
    justify-content: start;
  }

  /* The widest of its texts decides the width. */
  .steady {
    display: inline-grid;
  }

  .steady > span {
    grid-area: 1 / 1;
    visibility: hidden;
  }

  .steady > span[data-on] {
    visibility: visible;
  }

  fieldset {
    display: flex;
    align-items: center;
    margin: 0;
    padding: 0;
    border: 0;
    min-width: 0;
  }

  legend {
    float: left;
    padding: 0 10px 0 0;
    font-size: 14px;
  }

  fieldset label {
    position: relative;
    flex: 1;
    display: grid;
    cursor: pointer;
  }

  fieldset span {
    display: grid;
    place-content: center;
    min-height: 32px;
    padding: 0 6px;
    border: 1px solid var(--nm-strong-line);
    border-left-width: 0;
    background: var(--nm-raised);
    font-size: 14px;
  }

  fieldset label:first-of-type span {
    border-left-width: 1px;
    border-radius: var(--nm-control-radius) 0 0 var(--nm-control-radius);
  }

  fieldset label:last-of-type span {
    border-radius: 0 var(--nm-control-radius) var(--nm-control-radius) 0;
  }

  fieldset input {
    position: absolute;
    inset: 0;
    margin: 0;
    opacity: 0;
    cursor: pointer;
  }

  fieldset input:checked + span {
    background: var(--nm-accent-soft);
    color: var(--nm-text);
    font-weight: 600;
    box-shadow: inset 0 -3px 0 var(--nm-accent);
  }

  fieldset input:focus-visible + span {
    outline: 2px solid var(--nm-accent);
    outline-offset: 2px;
    z-index: 1;
  }

  /* On a phone it stays at the lower edge, and leaves as much as it can to the network. */
  @media (max-width: 819px) {
    :host(:not([brief])) .main {
      grid-template-columns: minmax(0, 1fr) repeat(3, auto);
    }

    :host(:not([brief])) .main .primary {
      grid-column: auto;
      min-height: 36px;
    }

    :host(:not([brief])) .main button:not(.primary) svg {
      display: none;
    }
  }

  @media (min-width: 600px) and (max-width: 819px) {
    :host(:not([brief])) {
      grid-template-columns: minmax(0, 1fr) 300px;
      align-items: center;
    }
  }
`;
