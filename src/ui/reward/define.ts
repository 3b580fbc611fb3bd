import { define } from '../theme/define.ts';
import { NmReward } from './reward.ts';

define('nm-reward', NmReward);

declare global {
  interface HTMLElementTagNameMap {
    'nm-reward': NmReward;
  }
}
