/** Changing a network by hand, node by node or in its shape, on whatever was trained; and taking nodes out of it as files. */
import type { NetworkEdit } from '../graph/grow.ts';
import type { NodeStart } from '../training/network.ts';
import { noteNewStart } from '../training/curriculum.ts';
import type { Trainer } from '../training/train.ts';
import type { Board } from './board.ts';
import type { Drive } from './drive.ts';
import type { Exhibit } from './exhibit.ts';
import type { Hands, NodeChange } from './hands.ts';
import type { Jobs } from './jobs.ts';
import type { LiveNetwork } from './live.ts';
import type { SessionParts } from './looks.ts';

export class Changes {
  readonly #board: Board;
  readonly #live: LiveNetwork;
  readonly #exhibit: Exhibit;
  readonly #drive: Drive;
  readonly #jobs: Jobs;
  readonly #hands: Hands;

  constructor(parts: SessionParts, hands: Hands) {
    this.#board = parts.board;
    this.#live = parts.live;
    this.#exhibit = parts.exhibit;
    this.#drive = parts.drive;
    this.#jobs = parts.jobs;
    this.#hands = hands;
  }

  node(change: NodeChange): Promise<void> {
    return this.#jobs.busy('Changing the node', async () => {
      const trainer = await this.#live.ready();
      if (await this.#hands.apply(trainer, change)) await this.#changed(trainer);
      else this.#board.set({ frozen: trainer.frozen });
      await this.#drive.saveChanged(trainer);
    });
  }

  edit(edit: NetworkEdit, start: NodeStart): Promise<void> {
    return this.#jobs.busy('Changing the network', async () => {
      const trainer = await this.#live.ready();
      // A network that has lost a node half-way through an edit cannot be trained on.
      const helped = edit.do === 'help' && edit.helper;
      const release = helped && (await this.#live.holdHelper(edit.node, helped));
      try {
        await this.#hands.edit(trainer, edit, start);
      } finally {
        if (release) await release();
      }
      await this.#changed(trainer);
      await this.#drive.saveChanged(trainer);
    });
  }

  async exportNode(node: string): Promise<{ name: string; blob: Blob } | null> {
    let file: { name: string; blob: Blob } | null = null;
    await this.#jobs.busy('Packing the adapter', async () => {
      const trainer = await this.#live.ready();
      const { packAdapter } = await import('./adapter-files.ts');
      const blob = packAdapter(await trainer.exportNode(node), trainer.spec.model);
      file = { name: `node-${node}-step-${trainer.stepsDone}.peft.zip`, blob };
    });
    return file;
  }

  /** The network is another one: shows what it writes, and tests it where something had been measured. */
  async #changed(trainer: Trainer): Promise<void> {
    const { spec, plan, frozen, decisions, stepsDone } = trainer;
    trainer.schedule = noteNewStart(trainer.schedule, stepsDone);
    const { plan: before } = this.#board.state;
    this.#board.set({ spec, plan, frozen, decisions, effects: {}, measured: null });
    this.#board.set({ undoable: this.#hands.undoable(stepsDone) });
    if (plan !== before) {
      await this.#live.forgetTwin();
      this.#exhibit.rename(before, plan);
      this.#board.set({ blanked: [], before: null, report: null });
    }
    await this.#exhibit.showAgain(trainer);
    if (stepsDone === 0) return;
    this.#board.set({ waitingFor: 'Testing the changed network' });
    await trainer.evaluate({ record: true, signal: this.#live.signal });
    this.#board.set({ evaluations: trainer.evaluations, curve: [...trainer.curve] });
  }
}
