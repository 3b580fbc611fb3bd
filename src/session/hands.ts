/** What a reader does to nodes and to the network, and the way back. */
import type { AdapterState } from '../../workers/engine-api.ts';
import { describeEdit, type NetworkEdit } from '../graph/grow.ts';
import type { NetworkState, NodeStart } from '../training/network.ts';
import type { Trainer } from '../training/train.ts';

export type NodeChange =
  /** It is not updated any more, or again. */
  | { do: 'freeze'; node: string; on: boolean }
  /** It becomes the base again. */
  | { do: 'reset'; node: string }
  /** It takes over what a PEFT adapter has learned. */
  | { do: 'import'; node: string; files: readonly File[] }
  /** It exchanges with another node what the two have learned. */
  | { do: 'swap'; node: string; with: string }
  /** The last reset, swap or edit of the network is taken back. */
  | { do: 'undo' };

/** Enough for a network: all of it is in the browser's memory, beside the engine. */
const KEPT_BYTES = 256e6;
const KEPT = 16;

const nameOf = (id: string): string => id.replace('.', '·');

/** What was there before a change: the adapters of a node or two, or a whole network. */
interface Past {
  label: string;
  /** Steps done at the change: what an edited network learned after it is lost when the edit is taken back. */
  step: number;
  before: AdapterState[] | NetworkState;
}

export class Hands {
  #past: Past[] = [];

  /** What `undo` would take back, in a few words; null for nothing. */
  undoable(step: number): string | null {
    const last = this.#past.at(-1);
    if (!last) return null;
    return Array.isArray(last.before) || last.step === step
      ? last.label
      : `${last.label}, and all since step ${last.step}`;
  }

  /** Nothing can be taken back any more: it is another network. */
  forget(): void {
    this.#past = [];
  }

  /** Whether any adapter is another one now. Errors: the trainer's; nothing has changed then. */
  async apply(trainer: Trainer, change: NodeChange): Promise<boolean> {
    switch (change.do) {
      case 'freeze':
        trainer.freeze(change.node, change.on);
        return false;
      case 'reset':
        this.#remember(trainer, `reset of ${nameOf(change.node)}`, await trainer.resetNode(change.node));
        return true;
      case 'import': {
        const { readAdapterFiles } = await import('./adapter-files.ts');
        const state = await readAdapterFiles(change.files, await trainer.exportNode(change.node));
        this.#remember(trainer, `import into ${nameOf(change.node)}`, await trainer.putAdapters([state]));
        return true;
      }
      case 'swap': {
        const label = `swap of ${nameOf(change.node)} and ${nameOf(change.with)}`;
        this.#remember(trainer, label, await trainer.swapNodes(change.node, change.with));
        return true;
      }
      case 'undo': {
        const last = this.#past.at(-1);
        if (!last) return false;
        if (Array.isArray(last.before)) await trainer.putAdapters(last.before);
        else {
          await trainer.putNetwork(last.before);
          trainer.note('edit', `undone: ${last.label}`);
        }
        this.#past.pop();
        return true;
      }
    }
  }

  /** Edits the network. Errors: a GraphError for what cannot be done; nothing has changed then. */
  async edit(trainer: Trainer, edit: NetworkEdit, start: NodeStart): Promise<void> {
    const before = await trainer.network();
    const added = await trainer.edit(edit, start);
    const how = added.length === 0 ? '' : start === 'silent' ? ', silent at first' : `, as ${starts[start]}`;
    trainer.note('edit', `${describeEdit(edit)}${how}: by hand`);
    this.#remember(trainer, labelOf(edit), before);
  }

  #remember(trainer: Trainer, label: string, before: Past['before']): void {
    this.#past = [...this.#past, { label, step: trainer.stepsDone, before }].slice(-KEPT);
    while (this.#past.length > 1 && sum(this.#past.map(bytesOf)) > KEPT_BYTES) this.#past.shift();
  }
}

const starts = { base: 'the untrained base', copy: 'a copy of its neighbour' };

/** What can be undone: "Undo removal of 1·0". */
function labelOf(edit: NetworkEdit): string {
  switch (edit.do) {
    case 'add-node':
      return `new node in layer ${edit.layer}`;
    case 'add-layer':
      return `new layer ${edit.layer}`;
    case 'remove-node':
      return `removal of ${nameOf(edit.node)}`;
    case 'merge-nodes':
      return `merging ${nameOf(edit.node)} into ${nameOf(edit.into)}`;
    case 'connect':
      return `${edit.instead ? 'moved' : 'new'} edge ${edgeName([edit.from, edit.to])}`;
    case 'disconnect':
      return `cut edge ${edgeName([edit.from, edit.to])}`;
    case 'help':
      return `change of who writes for ${nameOf(edit.node)}`;
  }
}

const edgeName = ([from, to]: readonly [string, string]): string => `${nameOf(from)} → ${nameOf(to)}`;
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const bytesOf = ({ before }: Past): number =>
  sum(
    (Array.isArray(before) ? before : before.adapters).map(
      ({ weights, m, v }) => 4 * (weights.length + m.length + v.length),
    ),
  );
