import { define } from '../theme/define.ts';
import { NmEditBar } from './edit-bar.ts';
import { NmEditLayer } from './edit-layer.ts';
import { NmNodeEdit } from './node-edit.ts';
import { NmNodeWriter } from './node-writer.ts';

define('nm-edit-layer', NmEditLayer);
define('nm-edit-bar', NmEditBar);
define('nm-node-writer', NmNodeWriter);
define('nm-node-edit', NmNodeEdit);

declare global {
  interface HTMLElementTagNameMap {
    'nm-edit-layer': NmEditLayer;
    'nm-edit-bar': NmEditBar;
    'nm-node-edit': NmNodeEdit;
    'nm-node-writer': NmNodeWriter;
  }
}
