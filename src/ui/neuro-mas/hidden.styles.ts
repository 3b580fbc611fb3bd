import { css, unsafeCSS, type CSSResult } from 'lit';
import type { Hideable } from '../../session/hidden.ts';

/** What each part is on the page. */
const SELECTORS: Record<Hideable, string> = {
  heading: '.lead',
  presets: '.preset',
  share: '#share',
  runs: '#runs',
  studies: '#studies',
  tour: '#tour',
  theme: '#theme',
  problem: '.problem-sheet',
  training: '.play-sheet',
  settings: '.settings-sheet',
  story: '.story',
  legend: '.legend',
  edit: '#edit',
  curves: '.curves',
  inside: '.inside',
  status: '.status-sheet',
};

const all = (names: readonly Hideable[]): CSSResult =>
  unsafeCSS(`.page${names.map((name) => `[data-hide~='${name}']`).join('')}`);

/** A side that is left out altogether leaves its room to the network. */
export const hiddenStyles = css`
  ${unsafeCSS(
    Object.entries(SELECTORS)
      .map(([name, selector]) => `.page[data-hide~='${name}'] ${selector} { display: none; }`)
      .join('\n'),
  )}

  ${all(['problem', 'training', 'settings'])}:not(.narrow) .left,
  ${all(['curves', 'inside', 'status'])}:not(.narrow) .right {
    display: none;
  }

  ${all(['problem', 'training', 'settings'])}:not(.narrow) .desk {
    grid-template-columns: 0 minmax(0, 1fr) 290px;
  }

  ${all(['curves', 'inside', 'status'])}:not(.narrow) .desk {
    grid-template-columns: 300px minmax(0, 1fr) 0;
  }

  ${all(['problem', 'training', 'settings', 'curves', 'inside', 'status'])}:not(.narrow) .desk {
    grid-template-columns: 0 minmax(0, 1fr) 0;
  }
`;
