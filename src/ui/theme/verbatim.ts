import { html, type TemplateResult } from 'lit';
import { shown } from './words.ts';

/** Text of a model or of a reader, with its blanks, on its own so that those of a template do not show. */
export const verbatim = (text: string, limit?: number): TemplateResult =>
  // prettier-ignore
  html`<span class="verbatim">${shown(text, limit)}</span>`;
