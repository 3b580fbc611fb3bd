import { svg, html, type SVGTemplateResult, type TemplateResult } from 'lit';

/** Our own small icons on a grid of 16, always beside a word, hence hidden from screen readers. */
const icon = (shape: SVGTemplateResult): TemplateResult =>
  html`<svg viewBox="0 0 16 16" aria-hidden="true" focusable="false">${shape}</svg>`;

export const icons = {
  play: icon(svg`<path d="M4 2.5v11l9-5.5z" />`),
  pause: icon(svg`<path d="M4 3h3v10H4zM9 3h3v10H9z" />`),
  step: icon(svg`<path d="M3 2.5v11l7-5.5zM11 3h2v10h-2z" />`),
  one: icon(svg`<path d="M1 7h8.2L6 3.8 7.4 2.4 13 8l-5.6 5.6L6 12.2 9.2 9H1z" />`),
  reset: icon(svg`<path d="M8 3a5 5 0 1 1-4.9 6h1.8A3.3 3.3 0 1 0 8 4.7V7L4 3.8 8 .8z" />`),
  dice: icon(
    svg`<path fill-rule="evenodd" d="M3.5 2h9A1.5 1.5 0 0 1 14 3.5v9a1.5 1.5 0 0 1-1.5 1.5h-9A1.5 1.5 0 0 1 2 12.5v-9A1.5 1.5 0 0 1 3.5 2zM5.2 4a1.2 1.2 0 1 0 0 2.4 1.2 1.2 0 0 0 0-2.4zM8 6.8a1.2 1.2 0 1 0 0 2.4 1.2 1.2 0 0 0 0-2.4zm2.8 2.8a1.2 1.2 0 1 0 0 2.4 1.2 1.2 0 0 0 0-2.4z" />`,
  ),
  share: icon(svg`<path d="M8 1l4 4H9v5H7V5H4zM2 8h2v5h8V8h2v7H2z" />`),
  light: icon(
    svg`<circle cx="8" cy="8" r="3.2" /><path d="M7.2 0h1.6v3H7.2zM7.2 13h1.6v3H7.2zM0 7.2h3v1.6H0zM13 7.2h3v1.6h-3zM2.1 3.2l1.1-1.1 2.1 2.1-1.1 1.1zM10.7 11.8l1.1-1.1 2.1 2.1-1.1 1.1zM2.1 12.8l2.1-2.1 1.1 1.1-2.1 2.1zM10.7 4.2l2.1-2.1 1.1 1.1-2.1 2.1z" />`,
  ),
  dark: icon(svg`<path d="M6 1a7 7 0 1 0 9 9A6.2 6.2 0 0 1 6 1z" />`),
  list: icon(svg`<path d="M2 3h2v2H2zM6 3h8v2H6zM2 7h2v2H2zM6 7h8v2H6zM2 11h2v2H2zM6 11h8v2H6z" />`),
  help: icon(
    svg`<path fill-rule="evenodd" d="M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1zM5.4 6.2h1.7a.95.95 0 1 1 1.6.7C7.7 7.7 7.2 8.2 7.2 9.6h1.6c0-.9.3-1.2 1-1.8a2.6 2.6 0 1 0-4.4-1.6zM7.1 10.7h1.8v1.7H7.1z" />`,
  ),
  open: icon(svg`<path d="M8 10L4 6h3V1h2v5h3zM2 9h2v4h8V9h2v6H2z" />`),
  save: icon(svg`<path d="M8 1l4 4H9v5H7V5H4zM2 9h2v4h8V9h2v6H2z" />`),
  bin: icon(svg`<path d="M6 1h4l1 1h3v2H2V2h3zM3 5h10l-1 10H4z" />`),
  edit: icon(svg`<path d="M11.5 1.5l3 3L6 13l-4 1 1-4z" />`),
  copy: icon(svg`<path fill-rule="evenodd" d="M5 1h9v10h-3v4H2V5h3zm2 2v2h4v4h1V3z" />`),
  compare: icon(svg`<path d="M1 12l4-5 3 2 5-7 1.6 1.2L8.5 12 5.4 9.9 2.6 13.3zM9 14h6v1.6H9z" />`),
  close: icon(
    svg`<path d="M3.5 2.1L8 6.6l4.5-4.5 1.4 1.4L9.4 8l4.5 4.5-1.4 1.4L8 9.4l-4.5 4.5-1.4-1.4L6.6 8 2.1 3.5z" />`,
  ),
};
