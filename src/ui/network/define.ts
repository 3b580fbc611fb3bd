import '@awesome.me/webawesome/dist/components/popup/popup.js';
import '../token-text/define.ts';
import { define } from '../theme/define.ts';
import { NmNetwork } from './network.ts';

define('nm-network', NmNetwork);

declare global {
  interface HTMLElementTagNameMap {
    'nm-network': NmNetwork;
  }
}
