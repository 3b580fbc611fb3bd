import '../scrubber/define.ts';
import { define } from '../theme/define.ts';
import { NmPlayback } from './playback.ts';

define('nm-playback', NmPlayback);

declare global {
  interface HTMLElementTagNameMap {
    'nm-playback': NmPlayback;
  }
}
