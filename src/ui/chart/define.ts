import { NmChart } from './chart.ts';
import { define } from '../theme/define.ts';

define('nm-chart', NmChart);

declare global {
  interface HTMLElementTagNameMap {
    'nm-chart': NmChart;
  }
}
