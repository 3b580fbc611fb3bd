import { define } from '../theme/define.ts';
import { NmBands } from './bands.ts';
import { NmExamine } from './examine.ts';
import { NmStudies } from './study.ts';

define('nm-bands', NmBands);
define('nm-examine', NmExamine);
define('nm-studies', NmStudies);

declare global {
  interface HTMLElementTagNameMap {
    'nm-bands': NmBands;
    'nm-examine': NmExamine;
    'nm-studies': NmStudies;
  }
}
