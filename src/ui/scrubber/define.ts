import { define } from '../theme/define.ts';
import { NmScrubber } from './scrubber.ts';

define('nm-scrubber', NmScrubber);

declare global {
  interface HTMLElementTagNameMap {
    'nm-scrubber': NmScrubber;
  }
}
