import { define } from '../theme/define.ts';
import { NmProblem } from './problem.ts';

define('nm-problem', NmProblem);

declare global {
  interface HTMLElementTagNameMap {
    'nm-problem': NmProblem;
  }
}
