import { define } from '../theme/define.ts';
import { NmStatus } from './status.ts';

define('nm-status', NmStatus);

declare global {
  interface HTMLElementTagNameMap {
    'nm-status': NmStatus;
  }
}
