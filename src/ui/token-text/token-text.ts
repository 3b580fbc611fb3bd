import { html, LitElement } from 'lit';
import { property } from 'lit/decorators.js';
import type { Message } from '../../../workers/engine-api.ts';
import { controls } from '../theme/controls.styles.ts';
import { place } from '../theme/place.ts';
import { percent, shown } from '../theme/words.ts';
import { styles } from './token-text.styles.ts';

/** Tokens shown at most; longer messages end in an ellipsis. */
const LIMIT = 48;

/** A message token by token, each with the probability it was written with: how sure the node was. */
export class NmTokenText extends LitElement {
  static override styles = [controls, styles];

  @property({ attribute: false }) message: Message | null = null;

  protected override render() {
    const pieces = this.message?.pieces ?? [];
    const visible = pieces.slice(0, LIMIT);
    return html`<ol aria-label="The message, character by character, with the probability of each">
      ${visible.map(({ text, logProb }) => {
        const probability = Math.exp(logProb);
        const end = text === '\n' || text === '';
        return html`<li class=${end ? 'end' : ''} ${place({ '--probability': probability.toFixed(3) })}>
          <span class="character">${end ? 'end' : text === ' ' ? '␣' : shown(text, 4)}</span>
          <span class="bar"></span>
          <span class="share">${percent(probability)}</span>
        </li>`;
      })}
      ${pieces.length > LIMIT ? html`<li><span class="character">…</span></li>` : null}
    </ol>`;
  }
}
