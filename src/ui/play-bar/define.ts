import { define } from '../theme/define.ts';
import { NmPlayBar } from './play-bar.ts';

define('nm-play-bar', NmPlayBar);

declare global {
  interface HTMLElementTagNameMap {
    'nm-play-bar': NmPlayBar;
  }
}
