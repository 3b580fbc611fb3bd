import { define } from '../theme/define.ts';
import { NmSettings } from './settings.ts';

define('nm-settings', NmSettings);

declare global {
  interface HTMLElementTagNameMap {
    'nm-settings': NmSettings;
  }
}
