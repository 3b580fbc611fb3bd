import { define } from '../theme/define.ts';
import { NmKeptModels } from './kept-models.ts';
import { NmRuns } from './run-list.ts';

define('nm-kept-models', NmKeptModels);
define('nm-runs', NmRuns);

declare global {
  interface HTMLElementTagNameMap {
    'nm-kept-models': NmKeptModels;
    'nm-runs': NmRuns;
  }
}
