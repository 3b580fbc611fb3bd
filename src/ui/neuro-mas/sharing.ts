/** What is shared: an address that opens what is on view. */
import type { Hideable } from '../../session/hidden.ts';
import { writeKeys } from '../../session/keys.ts';
import { writeLink } from '../../session/link.ts';
import type { SessionState } from '../../session/state.ts';
import type { Pace } from '../play-bar/play-bar.ts';

export interface OnView {
  state: SessionState;
  pace: Pace;
  /** A problem the reader typed. */
  typed: string;
  /** The node that is open. */
  selected: string | null;
  hidden: readonly Hideable[];
  /** The recording on view, by name or address, and the step it is at. */
  recording: { source: string; step: number } | null;
  /** The address of the trained network on view, as it is. */
  bundle: string | null;
}

/** Sentences for what an address cannot say. */
const UNTRAINED =
  'The link begins untrained: what was learned is too much for one. To hand it on, export the run under Runs.';

/** The hash of an address (without `#`), and what its reader will miss. Throws a LinkError where a run has no room in one. */
export async function addressOf(view: OnView): Promise<{ hash: string; but: string | null }> {
  const { state, pace, typed, selected, hidden, recording, bundle } = view;
  if (recording) {
    const { source, step } = recording;
    return {
      hash: writeKeys({ recording: source, ...(step > 0 && { step: String(step) }), ...hide(hidden) }),
      but: null,
    };
  }
  const { blanked, spec, step } = state;
  if (bundle !== null) {
    const seen = { ...(typed && { problem: typed }), ...(selected !== null && { node: selected }) };
    const blank = blanked.length > 0 && { blank: blanked.join(',') };
    return { hash: writeKeys({ bundle, pace, ...seen, ...blank, ...hide(hidden) }), but: null };
  }
  const seen = {
    ...{ pace, ...(typed && { problem: typed }), ...(selected !== null && { node: selected }) },
    ...(blanked.length > 0 && { blank: [...blanked] }),
    ...(hidden.length > 0 && { hide: [...hidden] }),
  };
  return { hash: await writeLink({ spec, view: seen }), but: step > 0 ? UNTRAINED : null };
}

const hide = (hidden: readonly Hideable[]) => hidden.length > 0 && { hide: hidden.join(',') };
