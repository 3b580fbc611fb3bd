/** The public interface. Importing it defines `<neuro-mas>`; `Session` is the same sandbox without a picture. */
import './ui/neuro-mas/define.ts';

export { NeuroMas } from './ui/neuro-mas/neuro-mas.ts';
export { Session, type Presenter, type SessionOptions } from './session/session.ts';
export type { SessionState, Trouble } from './session/state.ts';
export { parseSpec, SpecError, type RunSpec, type RunSpecInput } from './spec.ts';
export { presets, type Preset, type PresetName } from './presets.ts';
export type { CurvePoint, Evaluation, StepReport, Transcript } from './training/types.ts';
