import type { AdapterInfo, LoadProgress, MemoryProposal } from '../../workers/engine-api.ts';
import { planGraph, type Plan } from '../graph/plan.ts';
import type { RunSpec } from '../spec.ts';
import { taskOf } from '../tasks/of.ts';
import type { Task } from '../tasks/task.ts';
import type {
  Checkpoint,
  CurvePoint,
  Decision,
  RecordedEvaluation,
  StepReport,
  Transcript,
} from '../training/types.ts';

/** Something that went wrong, in words a reader can use. */
export interface Trouble {
  /** What happened. */
  what: string;
  /** What to do about it. */
  remedy: string;
  /** The origin that the reader has to agree to before it goes on. */
  agree?: string;
  /** There is no room for the model's files: make some, or do without keeping them. */
  full?: true;
  /** The run's reward function is to be read, or to be mended. */
  reward?: 'unread' | 'faulty';
  /** The run's file of questions is to be given, or another one. */
  data?: 'missing' | 'faulty';
  /** The GPU has no room for the run: settings that fit, and the bytes that it takes as it is where that could be allowed. */
  memory?: { proposal: MemoryProposal | null; needed: number | null };
}

/** What is on view, and where it comes from. */
export interface Shown {
  transcript: Transcript;
  source: 'practice' | 'test' | 'yours';
}

/** A run in storage that can be gone on with. */
export interface Resumable {
  run: string;
  step: number;
  steps: number;
  spec: RunSpec;
  /** Milliseconds since 1970. */
  saved: number;
}

/** What a node is worth on test problems. */
export interface BlankEffect {
  /** Greedy accuracy of the whole network, and with this node's message blanked. */
  whole: number;
  blanked: number;
  problems: number;
  /** Steps done when it was measured. */
  step: number;
}

/** Everything the page shows, as one value that is never changed, only replaced. */
export interface SessionState {
  readonly spec: RunSpec;
  readonly plan: Plan;
  readonly task: Task;
  /** Training is on; `pausing` once it was asked to stop and finishes its step. */
  readonly activity: 'idle' | 'training' | 'pausing' | 'busy';
  /** What is being waited for, in a few words; null when nothing is. */
  readonly waitingFor: string | null;
  readonly loading: LoadProgress | null;
  readonly adapter: AdapterInfo | null;
  /** Steps done. */
  readonly step: number;
  /** All `training.steps` are done. */
  readonly finished: boolean;
  readonly curve: readonly CurvePoint[];
  /** Test results, the untrained network's (step 0) included. */
  readonly evaluations: Checkpoint['evaluations'];
  /** Of a run that climbs levels: each at the last test; null where it does not, or was not tested since it was opened. */
  readonly levels: readonly { level: number; accuracy: number }[] | null;
  /** A test that was asked for, outside the curves. */
  readonly measured: RecordedEvaluation | null;
  /** What the schedule decided about the run, and what was done to it by hand. */
  readonly decisions: readonly Decision[];
  readonly report: StepReport | null;
  readonly shown: Shown | null;
  /** What the network wrote for the problem on view before it was trained, where that is known. */
  readonly before: Transcript | null;
  /** The same test problem again and again while it learns, by step. */
  readonly history: readonly { step: number; transcript: Transcript }[];
  readonly blanked: readonly string[];
  /** Nodes that are not updated. */
  readonly frozen: readonly string[];
  /** The last change to a node or the network that can be taken back, in a few words. */
  readonly undoable: string | null;
  readonly effects: Readonly<Record<string, BlankEffect>>;
  readonly resumable: Resumable | null;
  /** Steps done when this page went on with a stored run, or null. */
  readonly resumedAt: number | null;
  /** The engine was lost and training went on by itself: why, and from which step. */
  readonly recovered: { what: string; step: number } | null;
  /** Why nothing is being stored, or null while it works. */
  readonly storageTrouble: string | null;
  /** Steps done at the last checkpoint, or null. */
  readonly savedAt: number | null;
  readonly trouble: Trouble | null;
}

/** The state of a run that has not begun. */
export function freshState(spec: RunSpec): SessionState {
  return {
    spec,
    plan: planGraph(spec.graph),
    task: taskOf(spec),
    activity: 'idle',
    waitingFor: null,
    loading: null,
    adapter: null,
    step: 0,
    finished: false,
    curve: [],
    evaluations: [],
    levels: null,
    measured: null,
    decisions: [],
    report: null,
    shown: null,
    before: null,
    history: [],
    blanked: [],
    frozen: [],
    undoable: null,
    effects: {},
    resumable: null,
    resumedAt: null,
    recovered: null,
    storageTrouble: null,
    savedAt: null,
    trouble: null,
  };
}
