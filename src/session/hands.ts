/** What a reader does to single nodes, and the way back. */
import type { AdapterState } from '../../workers/engine-api.ts';
import type { Trainer } from '../training/train.ts';

export type NodeChange =
  /** It is not updated any more, or again. */
  | { do: 'freeze'; node: string; on: boolean }
  /** It becomes the base again. */
  | { do: 'reset'; node: string }
  /** It exchanges with another node what the two have learned. */
  | { do: 'swap'; node: string; with: string }
  /** The last reset or swap is taken back: those nodes get the adapters they had before it. */
  | { do: 'undo' };

/** Changes that can be taken back; each holds the adapters of a node or two. */
const KEPT = 8;

const nameOf = (id: string): string => id.replace('.', '·');

export class Hands {
  #past: { label: string; states: AdapterState[] }[] = [];

  /** What `undo` would take back, in a few words; null for nothing. */
  get undoable(): string | null {
    return this.#past.at(-1)?.label ?? null;
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
        this.#remember(`reset of ${nameOf(change.node)}`, await trainer.resetNode(change.node));
        return true;
      case 'swap': {
        const label = `swap of ${nameOf(change.node)} and ${nameOf(change.with)}`;
        this.#remember(label, await trainer.swapNodes(change.node, change.with));
        return true;
      }
      case 'undo': {
        const last = this.#past.at(-1);
        if (!last) return false;
        await trainer.putAdapters(last.states);
        this.#past.pop();
        return true;
      }
    }
  }

  #remember(label: string, states: AdapterState[]): void {
    this.#past = [...this.#past, { label, states }].slice(-KEPT);
  }
}
