import { define } from '../theme/define.ts';
import { NmModels } from './models.ts';

define('nm-models', NmModels);

declare global {
  interface HTMLElementTagNameMap {
    'nm-models': NmModels;
  }
}
