import '../token-text/define.ts';
import { define } from '../theme/define.ts';
import { NmNodePanel } from './node-panel.ts';

define('nm-node-panel', NmNodePanel);

declare global {
  interface HTMLElementTagNameMap {
    'nm-node-panel': NmNodePanel;
  }
}
