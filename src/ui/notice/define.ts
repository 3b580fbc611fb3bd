import { define } from '../theme/define.ts';
import { NmNotice } from './notice.ts';

define('nm-notice', NmNotice);

declare global {
  interface HTMLElementTagNameMap {
    'nm-notice': NmNotice;
  }
}
