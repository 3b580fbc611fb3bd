import { css } from 'lit';

export const styles = css`
  :host {
    display: block;
    container-type: inline-size;
    background: var(--nm-background);
    min-height: 320px;
    overflow: hidden;
  }

  .page {
    display: grid;
    grid-template-rows: auto auto minmax(0, 1fr);
    gap: 10px;
    height: 100%;
    min-height: inherit;
    padding: 10px 14px 14px;
  }

  header {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 8px;
  }

  .top {
    display: flex;
    align-items: center;
    gap: 10px;
  }

  .brand {
    font-weight: 700;
    font-size: 17px;
    letter-spacing: -0.01em;
    white-space: nowrap;
  }

  .brand span {
    font-weight: 400;
    color: var(--nm-muted);
  }

  .preset {
    display: flex;
    align-items: center;
    gap: 8px;
    min-width: 0;
    margin-left: 8px;
  }

  .preset label {
    font-size: 14px;
    color: var(--nm-muted);
  }

  .preset select {
    max-width: 400px;
  }

  .space {
    flex: 1;
  }

  .toast {
    font-size: 14px;
    color: var(--nm-muted);
  }

  .lead {
    display: grid;
    gap: 1px;
  }

  h1 {
    margin: 0;
    font-size: 21px;
    line-height: 1.25;
    font-weight: 650;
    letter-spacing: -0.01em;
  }

  h1 span {
    font-weight: 400;
    color: var(--nm-muted);
  }

  .lead p {
    margin: 0;
    font-size: 14px;
    color: var(--nm-muted);
  }

  .page > .playback {
    min-height: 0;
  }

  .desk {
    display: grid;
    grid-template: minmax(0, 1fr) auto / 300px minmax(0, 1fr) 290px;
    grid-template-areas: 'left centre right' 'left panel panel';
    gap: 10px;
    min-height: 0;
  }

  .sheet {
    border: 1px solid var(--nm-line);
    border-radius: var(--nm-radius);
    background: var(--nm-surface);
    padding: 10px 14px;
    min-width: 0;
    min-height: 0;
  }

  .left {
    grid-area: left;
    display: grid;
    grid-template: auto auto minmax(0, 1fr) / minmax(0, 1fr);
    gap: 10px;
    min-height: 0;
  }

  .centre {
    grid-area: centre;
    display: grid;
    grid-template-rows: auto minmax(0, 1fr) auto;
    gap: 6px;
  }

  .centre nm-network {
    grid-row: 2;
  }

  .centre .caption {
    grid-row: 3;
  }

  /* The opened node tells more than the means over all of them. */
  .page:not(.narrow) .opened .inside,
  .page:not(.narrow) .comparing .inside {
    display: none;
  }

  .page:not(.narrow) .opened .right,
  .page:not(.narrow) .comparing .right {
    grid-template-rows: minmax(0, 1fr) auto;
  }

  /* A shadow at the lower edge while there is more below. */
  .settings-sheet {
    overflow: auto;
    background:
      linear-gradient(var(--nm-surface), var(--nm-surface)) bottom / 100% 24px no-repeat local,
      linear-gradient(transparent, rgb(0 0 0 / 14%)) bottom / 100% 12px no-repeat scroll,
      var(--nm-surface);
  }

  .right {
    grid-area: right;
    display: grid;
    grid-template: minmax(0, 1.4fr) minmax(0, 1fr) auto / minmax(0, 1fr);
    gap: 10px;
    min-height: 0;
  }

  .panel {
    grid-area: panel;
    container-type: inline-size;
    max-height: 300px;
    overflow: auto;
  }

  nm-network {
    min-height: 180px;
  }

  .caption {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 6px 10px;
  }

  .caption > :first-child {
    flex: 1 1 240px;
  }

  .caption button {
    min-height: 30px;
    padding: 0 9px;
    font-size: 14px;
  }

  .legend {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 2px 14px;
    margin: 0;
    font-size: 12px;
    color: var(--nm-muted);
  }

  .legend i {
    display: inline-block;
    width: 12px;
    height: 12px;
    margin-right: 5px;
    border-radius: 3px;
    vertical-align: -1px;
    border: 2.5px solid var(--nm-neutral);
  }

  .legend .helped-swatch {
    border-color: rgb(var(--nm-helped-rgb));
  }

  .legend .hurt-swatch {
    border-color: rgb(var(--nm-hurt-rgb));
  }

  .legend .changed-swatch {
    border-color: var(--nm-neutral);
    border-width: 1px;
    background: color-mix(in srgb, rgb(var(--nm-changed-rgb)) 38%, var(--nm-raised));
  }

  .score {
    display: flex;
    align-items: baseline;
    gap: 8px;
    margin-bottom: 2px;
    min-height: 34px;
  }

  .score b {
    font-size: 26px;
    line-height: 34px;
    font-variant-numeric: tabular-nums;
    letter-spacing: -0.02em;
  }

  .score span {
    font-size: 12.5px;
    color: var(--nm-muted);
  }

  details.why > summary {
    min-height: 0;
    font-size: inherit;
    font-weight: inherit;
    line-height: inherit;
    color: inherit;
  }

  /* What the tour is about. */
  .about-centre .centre,
  .about-curves .curves,
  .about-settings .settings-sheet {
    outline: 2px solid var(--nm-accent);
    outline-offset: 1px;
  }

  .story {
    display: grid;
    gap: 4px;
    font-size: 13px;
    line-height: 1.35;
  }

  .levels,
  .decisions ul {
    margin: 0;
    padding: 0;
    list-style: none;
  }

  .levels {
    display: flex;
    flex-wrap: wrap;
    gap: 0 14px;
    color: var(--nm-muted);
    font-variant-numeric: tabular-nums;
  }

  .levels .present {
    color: var(--nm-text);
  }

  .decisions summary {
    cursor: pointer;
    overflow-wrap: anywhere;
  }

  .decisions ul {
    display: grid;
    gap: 3px;
    max-height: 9em;
    padding: 4px 0 4px 16px;
    overflow: auto;
    overflow-wrap: anywhere;
  }

  .decisions .roll-back,
  .decisions .refused {
    color: var(--nm-hurt);
  }

  .compared {
    display: flex;
    align-items: center;
    justify-content: space-between;
    gap: 6px;
    margin: 2px 0 0;
    font-size: 12.5px;
    overflow-wrap: anywhere;
    line-height: 1.25;
  }

  .compared i {
    display: inline-block;
    width: 8px;
    height: 8px;
    margin-right: 6px;
    background: var(--nm-compared);
  }

  .compared button {
    min-height: 24px;
    padding: 0 5px;
  }

  .curves,
  .page:not(.narrow) .inside {
    display: flex;
    flex-direction: column;
  }

  nm-chart {
    flex: 1;
  }

  .page:not(.narrow) details.inside:not([open]) {
    align-self: start;
  }

  .page:not(.narrow) .inside::details-content {
    display: contents;
  }

  details summary {
    cursor: pointer;
    font-size: 13px;
    font-weight: 600;
    min-height: 24px;
    color: var(--nm-muted);
    list-style-position: inside;
    line-height: 24px;
  }

  .brief .bar {
    display: flex;
    align-items: center;
    gap: 12px;
    flex-wrap: wrap;
  }

  .brief .score {
    margin: 0;
  }

  /* Embeds: the network, play, accuracy. */
  .page.brief {
    grid-template-rows: minmax(0, 1fr) auto;
    padding: 8px;
    gap: 6px;
  }

  .brief .centre {
    grid-area: auto;
    grid-template-rows: auto minmax(0, 1fr);
    padding: 8px 10px;
  }

  .brief nm-network {
    min-height: 120px;
  }

  .brief .asked {
    font-size: 14px;
    color: var(--nm-muted);
  }

  .brief .asked .mono {
    color: var(--nm-text);
  }

  .page.bare {
    grid-template-rows: minmax(0, 1fr);
  }

  .page:not(.narrow) .settings-sheet > summary {
    display: none;
  }

  /* One column. */
  .narrow .desk,
  .narrow .left,
  .narrow .right {
    display: contents;
  }

  .page.narrow {
    display: flex;
    flex-direction: column;
    height: auto;
    padding: 10px;
  }

  .narrow .top {
    flex-wrap: wrap;
    gap: 8px 6px;
  }

  .narrow .top button {
    padding: 0 9px;
    font-size: 14px;
  }

  .narrow .top button svg {
    display: none;
  }

  .narrow .top button.primary {
    order: 2;
    flex: 1 1 100%;
  }

  .narrow .brand span {
    display: none;
  }

  .narrow .toast {
    order: 4;
  }

  .narrow .preset {
    order: 3;
    width: 100%;
    margin: 0;
  }

  .narrow .preset select {
    flex: 1;
    max-width: none;
  }

  .narrow .sheet {
    padding: 10px 12px;
  }

  .narrow .problem-sheet {
    order: 1;
  }

  .narrow .centre {
    order: 2;
  }

  .narrow nm-network {
    height: 330px;
  }

  /* Where the picture runs down, it is as high as it has to be: a picture that scrolls catches the finger. */
  @container (max-width: 540px) {
    .narrow nm-network {
      height: min(80px + var(--layers, 2) * 142px, 660px);
    }
  }

  .narrow .panel {
    order: 3;
    max-height: none;
  }

  .narrow .play-sheet {
    order: 4;
    position: sticky;
    bottom: 0;
    z-index: 5;
    box-shadow: 0 -4px 14px rgb(0 0 0 / 12%);
  }

  .narrow .curves {
    order: 5;
    height: 280px;
  }

  .narrow .status-sheet {
    order: 6;
  }

  .narrow .settings-sheet {
    order: 7;
  }

  .narrow .inside {
    order: 8;
    display: block;
  }

  .narrow .inside nm-chart {
    height: 190px;
  }

  .narrow .inside[open]::details-content,
  .narrow .settings-sheet[open]::details-content {
    padding-top: 8px;
  }

  .narrow h1 {
    font-size: 18px;
  }

  .narrow .notices {
    position: sticky;
    top: 0;
    z-index: 6;
  }

  @container (max-width: 980px) {
    .page:not(.narrow) .desk {
      grid-template-columns: 270px minmax(0, 1fr) 230px;
    }
  }

  /* The node that is open and the curves tell more than how far the training is. */
  @media (max-height: 880px) {
    .page:not(.narrow) .opened .status-sheet {
      display: none;
    }
  }
`;
