import '../chart/define.ts';
import '../network/define.ts';
import '../node-panel/define.ts';
import '../notice/define.ts';
import '../play-bar/define.ts';
import '../problem/define.ts';
import '../settings/define.ts';
import '../status/define.ts';
import { define } from '../theme/define.ts';
import { NeuroMas } from './neuro-mas.ts';

define('neuro-mas', NeuroMas);

declare global {
  interface HTMLElementTagNameMap {
    'neuro-mas': NeuroMas;
  }
}
