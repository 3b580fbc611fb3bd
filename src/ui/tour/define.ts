import { define } from '../theme/define.ts';
import { NmTour } from './tour.ts';

define('nm-tour', NmTour);

declare global {
  interface HTMLElementTagNameMap {
    'nm-tour': NmTour;
  }
}
