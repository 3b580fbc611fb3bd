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
  close: icon(
    svg`<path d="M3.5 2.1L8 6.6l4.5-4.5 1.4 1.4L9.4 8l4.5 4.5-1.4 1.4L8 9.4l-4.5 4.5-1.4-1.4L6.6 8 2.1 3.5z" />`,
  ),
};
