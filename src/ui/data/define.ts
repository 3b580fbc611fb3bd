import { define } from '../theme/define.ts';
import { NmData } from './data.ts';

define('nm-data', NmData);

declare global {
  interface HTMLElementTagNameMap {
    'nm-data': NmData;
  }
}
