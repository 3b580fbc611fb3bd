import { AddressError } from '../nodes/gate.ts';
import { GraphError } from '../graph/plan.ts';
import { UnconfirmedError } from '../nodes/confirmed.ts';
import { EngineLostError } from '../nodes/pool.ts';
import { RewardError } from '../nodes/rewarder.ts';
import { DataError, DataMissingError } from '../tasks/data/error.ts';
import { SpecError } from '../spec.ts';
import { refusal } from '../storage/refusal.ts';
import { MemoryError } from '../training/memory.ts';
import { isNonFinite } from '../training/settings.ts';
import type { Trouble } from './state.ts';

/** An error as what happened and what to do about it. `step` is where the run stands. */
export function troubleOf(error: unknown, step: number): Trouble {
  const said = refusal(error);
  const what = sentence(said.slice(0, 600));
  const { name } = error as Partial<Error>;
  if (name === 'StorageFullError') {
    return { what, remedy: 'Without being kept it is downloaded again in your next visit.', full: true };
  }
  if (error instanceof MemoryError) {
    const { proposal, estimate, limits } = error.memory;
    const remedy = proposal ? error.remedy : 'Choose a smaller model, or a lower rank of the adapters.';
    const needed = estimate.largest.bytes <= limits.buffer ? estimate.total : null;
    return { what, remedy, memory: { proposal, needed } };
  }
  if (error instanceof UnconfirmedError) {
    return { what, remedy: 'Read it: it runs only if you say so.', reward: 'unread' };
  }
  if (error instanceof RewardError) {
    return { what, remedy: 'Mend the function, or press Play to try again.', reward: 'faulty' };
  }
  if (name === 'JudgeError') {
    return { what, remedy: 'Press Play to try again, or choose another judge in Settings, Reward.' };
  }
  if (error instanceof DataMissingError) return { what, remedy: 'Choose it here.', data: 'missing' };
  if (error instanceof DataError) return { what, remedy: 'Choose another file or another model.', data: 'faulty' };
  if (name === 'PeftError' || name === 'SafetensorsError') {
    return { what, remedy: 'The node is as it was. Choose an adapter of this base model and rank.' };
  }
  // It says itself what to do.
  if (name === 'ModelError') return { what, remedy: 'Press Play to try again, or choose another model.' };
  if (/memory|allocation|quota|room on the disk/i.test(said)) {
    return { what, remedy: 'Close other tabs or choose fewer problems a step, then press Play.' };
  }
  if (isNonFinite(error)) {
    return {
      what: named(what),
      remedy: 'Press Play to try this step again. If it fails again, begin anew with a lower learning rate.',
    };
  }
  if (error instanceof EngineLostError) {
    return { what, remedy: `Press Play: the engine is started again and training goes on ${from(step)}.` };
  }
  if (error instanceof AddressError) {
    if (error.origin === null) return { what, remedy: 'Give another address.' };
    const remedy = 'The run names it for a model. Agree only if you know who is behind it.';
    return { what, remedy, agree: error.origin };
  }
  if (error instanceof GraphError) {
    return { what: named(what), remedy: 'The network is as it was.' };
  }
  if (error instanceof SpecError) return { what, remedy: 'Choose another value and try again.' };
  if (/fetch|network|download|HTTP|status \d{3}/i.test(said)) {
    return { what, remedy: 'Check the connection, then press Play to try again.' };
  }
  return { what, remedy: `Press Play to go on ${from(step)}, or Reset to begin again.` };
}

/** Nodes as they are called in the picture. */
const named = (text: string): string => text.replace(/\b(\d+)\.(\d+)\b/g, '$1·$2');

const from = (step: number): string => (step > 0 ? 'from the last checkpoint' : 'from the beginning');

/** With a capital, unless a name or an address begins it, and a full stop. */
function sentence(text: string): string {
  const trimmed = text.trim();
  const capital = /^\p{L}+[\s,;]/u.test(trimmed) ? trimmed.charAt(0).toUpperCase() + trimmed.slice(1) : trimmed;
  return /[.!?…]$/.test(capital) ? capital : `${capital}.`;
}
