import { define } from '../theme/define.ts';
import { NmRuns } from './run-list.ts';

define('nm-runs', NmRuns);

declare global {
  interface HTMLElementTagNameMap {
    'nm-runs': NmRuns;
  }
}
