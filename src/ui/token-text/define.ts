import { define } from '../theme/define.ts';
import { NmTokenText } from './token-text.ts';

define('nm-token-text', NmTokenText);

declare global {
  interface HTMLElementTagNameMap {
    'nm-token-text': NmTokenText;
  }
}
