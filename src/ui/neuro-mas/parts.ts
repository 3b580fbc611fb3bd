/** The parts of the page that show a run: templates of the session's state, and what is asked for through them. */
import { html, nothing, type TemplateResult } from 'lit';
import type { NetworkEdit } from '../../graph/grow.ts';
import type { NodeChange } from '../../session/hands.ts';
import type { SessionState } from '../../session/state.ts';
import type { NodeStart } from '../../training/network.ts';
import type { Settings } from '../../training/settings.ts';
import type { StepReport, Transcript } from '../../training/types.ts';
import type { Judgement, NetworkPace } from '../network/network.ts';
import type { Action, Pace } from '../play-bar/play-bar.ts';
import { icons } from '../theme/icons.ts';
import { place } from '../theme/place.ts';
import type { EditController } from './edit-controller.ts';

/** What the parts show of a run, live or recorded, and whom they ask. */
export interface Desk {
  state: SessionState;
  pace: Pace;
  /** At full speed: the step that is shown for a while, instead of each. */
  glance: StepReport | null;
  /** The transcript whose film has ended last. */
  filmed: Transcript | null;
  /** The node that is open. */
  selected: string | null;
  act: (action: Action) => void;
  setPace: (pace: Pace) => void;
  select: (node: string | null) => void;
  closePanel: (node: string) => void;
  filmEnded: (transcript: Transcript) => void;
  /** Whether it is known, or can be found out, what the network does without a node. */
  canBlank: (node: string) => boolean;
  blank: (node: string, on: boolean) => void;
  /** Null for a recording: it can be looked at, not changed. */
  live: LiveDesk | null;
}

/** What can be done to a live run. */
export interface LiveDesk {
  /** A problem the reader typed. */
  typed: string;
  runTyped: (problem: string) => void;
  configure: (settings: Settings) => void;
  newSeed: (seed: number) => void;
  chooseModel: () => void;
  giveQuestions: () => void;
  chooseTask: (name: string) => void;
  change: (change: NodeChange) => void;
  exportNode: (node: string) => void;
  /** Null unless the network is being changed. */
  editing: EditController | null;
  openReward: () => void;
  beginEditing: () => void;
  endEditing: () => void;
  edit: (edit: NetworkEdit) => void;
}

const isTraining = ({ activity }: SessionState): boolean => activity === 'training' || activity === 'pausing';

/** At full speed the cards show what is written most often, nothing moves, and a step stays for a while. */
function blurOf({ pace, state, glance }: Desk): StepReport | null {
  return pace === 'full' && isTraining(state) && state.report ? (glance ?? state.report) : null;
}

/** What the last node answers most often, as the task reads it; null where it cannot. */
function usualAnswer(blur: StepReport | null, { task, plan }: SessionState): Judgement | null {
  const said = blur?.modes.nodes.find(({ node }) => node === plan.output.id);
  const [transcript] = blur?.transcripts ?? [];
  if (!blur || !said || transcript?.problem !== blur.modes.problem) return null;
  try {
    const { wrote, metrics } = task.reward({ text: blur.modes.problem, answer: transcript.answer }, said.text);
    return { wrote, correct: metrics.accuracy === 1 };
  } catch {
    return null;
  }
}

export function problem(desk: Desk): TemplateResult {
  const { state, live } = desk;
  const blur = blurOf(desk);
  const on = blur ? null : state.shown;
  return html`<nm-problem
    .task=${state.task}
    .level=${state.spec.task.level}
    .transcript=${on?.transcript ?? null}
    .problem=${blur?.modes.problem ?? ''}
    .answer=${blur?.transcripts[0]?.answer ?? ''}
    .usual=${usualAnswer(blur, state)}
    .source=${on?.source ?? 'practice'}
    .answered=${desk.filmed === on?.transcript}
    .busy=${state.activity === 'busy'}
    .typed=${live?.typed ?? ''}
    ?recorded=${live === null}
    @problem-run=${({ detail }: CustomEvent<string>) => {
      live?.runTyped(detail);
    }}
  ></nm-problem>`;
}

/** @param brief Play and pause only. */
export function playBar({ state, pace, live, act, setPace }: Desk, brief = false): TemplateResult {
  return html`<nm-play-bar
    ?brief=${brief}
    ?recorded=${live === null}
    .playing=${isTraining(state)}
    .pausing=${state.activity === 'pausing'}
    .busy=${state.activity === 'busy'}
    .fresh=${state.step === 0}
    .finished=${state.finished}
    .pace=${pace}
    @action=${({ detail }: CustomEvent<Action>) => {
      act(detail);
    }}
    @pace-change=${({ detail }: CustomEvent<Pace>) => {
      setPace(detail);
    }}
  ></nm-play-bar>`;
}

export function settings(
  { spec, task, step }: SessionState,
  { configure, newSeed, openReward, chooseModel, giveQuestions, chooseTask }: LiveDesk,
): TemplateResult {
  return html`<nm-settings
    .spec=${spec}
    .task=${task}
    .step=${step}
    @settings-change=${({ detail }: CustomEvent<Settings>) => {
      configure(detail);
    }}
    @seed-change=${({ detail }: CustomEvent<number>) => {
      newSeed(detail);
    }}
    @reward-open=${openReward}
    @model-ask=${chooseModel}
    @data-ask=${giveQuestions}
    @task-choose=${({ detail }: CustomEvent<string>) => {
      chooseTask(detail);
    }}
  ></nm-settings>`;
}

/** Who scrubs through a recording wants to see a step at once; what was just computed is worth a film. */
function paceOf({ state, pace, live }: Desk): NetworkPace {
  if (!isTraining(state)) return live === null ? 'still' : pace === 'full' ? 'quick' : pace;
  return pace === 'full' ? 'still' : pace;
}

export function network(desk: Desk): TemplateResult {
  const { state, live } = desk;
  const pace = paceOf(desk);
  const blur = blurOf(desk);
  const effects = Object.fromEntries(
    Object.entries(state.effects).map(([id, { whole, blanked }]) => [id, whole - blanked]),
  );
  return html`<nm-network
    ${place({ '--layers': String(state.plan.layers.length) })}
    .plan=${state.plan}
    .transcript=${state.shown?.transcript ?? null}
    .modes=${blur?.modes ?? null}
    .usual=${usualAnswer(blur, state)}
    .pace=${pace}
    .updates=${(blur ?? state.report)?.nodes ?? []}
    .blanked=${state.blanked}
    .frozen=${state.frozen}
    .effects=${effects}
    .selected=${desk.selected}
    .characters=${state.spec.sampling.maxNewTokens}
    .editing=${live !== null && live.editing !== null}
    .busy=${state.activity === 'busy'}
    @node-select=${({ detail }: CustomEvent<string | null>) => {
      desk.select(detail);
    }}
    @network-edit=${({ detail }: CustomEvent<NetworkEdit>) => {
      live?.edit(detail);
    }}
    @film-end=${({ detail }: CustomEvent<Transcript>) => {
      desk.filmEnded(detail);
    }}
  ></nm-network>`;
}

const legend = html`<p class="legend">
  <span><i class="helped-swatch"></i>better than its other tries</span>
  <span><i class="hurt-swatch"></i>worse</span>
  <span><i class="changed-swatch"></i>changed by training</span>
</p>`;

/** Below the network: what its colours mean, and the way to change it; while it is being changed, how. */
export function caption({ state, live, selected }: Desk): TemplateResult {
  if (!live) return html`<div class="caption">${legend}</div>`;
  const { editing } = live;
  const undo =
    state.undoable === null
      ? nothing
      : html`<button
          id="undo-edit"
          ?disabled=${state.activity === 'busy'}
          @click=${() => {
            live.change({ do: 'undo' });
          }}
        >
          ${icons.reset} Undo ${state.undoable}
        </button>`;
  if (editing) {
    return html`<div class="caption">
      <nm-edit-bar
        ?brief=${selected !== null}
        .start=${editing.start}
        @start-change=${({ detail }: CustomEvent<NodeStart>) => {
          editing.choose(detail);
        }}
        @edit-end=${() => {
          live.endEditing();
        }}
      ></nm-edit-bar>
      ${undo}
    </div>`;
  }
  // Nodes that share one adapter cannot come and go.
  const canEdit = state.spec.lora.shared !== true;
  return html`<div class="caption">
    ${legend} ${undo}
    ${
      canEdit
        ? html`<button
            id="edit"
            title="Add and remove nodes and layers, and rewire them; what was learned stays"
            @click=${() => {
              live.beginEditing();
            }}
          >
            ${icons.edit} Change the network
          </button>`
        : nothing
    }
  </div>`;
}

/** The node that is open. */
export function panel(desk: Desk): TemplateResult | typeof nothing {
  const { state, selected, live } = desk;
  const node = state.plan.nodes.find(({ id }) => id === selected);
  if (!node) return nothing;
  const blur = blurOf(desk);
  const report = blur ?? state.report;
  return html`<nm-node-panel
    class="sheet panel"
    .node=${node}
    .transcript=${blur?.transcripts[0] ?? state.shown?.transcript ?? null}
    .untrained=${state.before}
    .history=${state.history}
    .measured=${report?.nodes.find((update) => update.node === node.id) ?? null}
    .blanked=${state.blanked.includes(node.id)}
    .effect=${state.effects[node.id] ?? null}
    .frozen=${state.frozen.includes(node.id)}
    .siblings=${(state.plan.layers[node.layer - 1] ?? []).flatMap(({ id }) => (id === node.id ? [] : id))}
    .undoable=${state.undoable}
    .busy=${state.activity === 'busy'}
    .editedPlan=${live?.editing ? state.plan : null}
    ?recorded=${live === null}
    ?unblankable=${!desk.canBlank(node.id)}
    @node-change=${({ detail }: CustomEvent<NodeChange>) => {
      live?.change(detail);
    }}
    @node-export=${() => {
      live?.exportNode(node.id);
    }}
    @network-edit=${({ detail }: CustomEvent<NetworkEdit>) => {
      live?.edit(detail);
    }}
    @node-close=${() => {
      desk.closePanel(node.id);
    }}
    @node-blank=${({ detail }: CustomEvent<boolean>) => {
      desk.blank(node.id, detail);
    }}
  ></nm-node-panel>`;
}
