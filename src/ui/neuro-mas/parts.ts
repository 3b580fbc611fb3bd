/** The parts of the page that show a run: templates of the session's state, and what is asked for through them. */
import { html, nothing, type TemplateResult } from 'lit';
import type { NetworkEdit } from '../../graph/grow.ts';
import type { NodeChange } from '../../session/hands.ts';
import type { Session } from '../../session/session.ts';
import type { SessionState } from '../../session/state.ts';
import type { NodeStart } from '../../training/network.ts';
import type { Settings } from '../../training/settings.ts';
import type { StepReport, Transcript } from '../../training/types.ts';
import type { Action, Pace } from '../play-bar/play-bar.ts';
import { icons } from '../theme/icons.ts';
import type { EditController } from './edit-controller.ts';

/** What the parts show besides the session's state, and whom they ask. */
export interface Desk {
  session: Session;
  state: SessionState;
  pace: Pace;
  /** At full speed: the step that is shown for a while, instead of each. */
  glance: StepReport | null;
  /** The transcript whose film has ended last. */
  filmed: Transcript | null;
  /** The node that is open. */
  selected: string | null;
  /** A problem the reader typed. */
  typed: string;
  act: (action: Action) => void;
  setPace: (pace: Pace) => void;
  configure: (settings: Settings) => void;
  newSeed: (seed: number) => void;
  runTyped: (problem: string) => void;
  /** Null unless the network is being changed. */
  editing: EditController | null;
  openReward: () => void;
  beginEditing: () => void;
  endEditing: () => void;
  edit: (edit: NetworkEdit) => void;
  select: (node: string | null) => void;
  closePanel: (node: string) => void;
  filmEnded: (transcript: Transcript) => void;
}

const isTraining = ({ activity }: SessionState): boolean => activity === 'training' || activity === 'pausing';

/** At full speed the cards show what is written most often, nothing moves, and a step stays for a while. */
function blurOf({ pace, state, glance }: Desk): StepReport | null {
  return pace === 'full' && isTraining(state) && state.report ? (glance ?? state.report) : null;
}

export function problem(desk: Desk): TemplateResult {
  const { state, typed } = desk;
  const blur = blurOf(desk);
  const on = blur ? null : state.shown;
  return html`<nm-problem
    .task=${state.task}
    .level=${state.spec.task.level}
    .transcript=${on?.transcript ?? null}
    .problem=${blur?.modes.problem ?? ''}
    .answer=${blur?.transcripts[0]?.answer ?? ''}
    .source=${on?.source ?? 'practice'}
    .answered=${desk.filmed === on?.transcript}
    .busy=${state.activity === 'busy'}
    .typed=${typed}
    @problem-run=${({ detail }: CustomEvent<string>) => {
      desk.runTyped(detail);
    }}
  ></nm-problem>`;
}

/** @param brief Play and pause only. */
export function playBar({ state, pace, act, setPace }: Desk, brief = false): TemplateResult {
  return html`<nm-play-bar
    ?brief=${brief}
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

export function settings({ state, configure, newSeed, openReward }: Desk): TemplateResult {
  return html`<nm-settings
    .spec=${state.spec}
    .task=${state.task}
    .step=${state.step}
    @settings-change=${({ detail }: CustomEvent<Settings>) => {
      configure(detail);
    }}
    @seed-change=${({ detail }: CustomEvent<number>) => {
      newSeed(detail);
    }}
    @reward-open=${openReward}
  ></nm-settings>`;
}

export function network(desk: Desk): TemplateResult {
  const { state } = desk;
  const pace = desk.pace !== 'full' ? desk.pace : isTraining(state) ? 'still' : 'quick';
  const blur = blurOf(desk);
  const effects = Object.fromEntries(
    Object.entries(state.effects).map(([id, { whole, blanked }]) => [id, whole - blanked]),
  );
  return html`<nm-network
    .plan=${state.plan}
    .transcript=${state.shown?.transcript ?? null}
    .modes=${blur?.modes ?? null}
    .pace=${pace}
    .updates=${(blur ?? state.report)?.nodes ?? []}
    .blanked=${state.blanked}
    .frozen=${state.frozen}
    .effects=${effects}
    .selected=${desk.selected}
    .characters=${state.spec.sampling.maxNewTokens}
    .editing=${desk.editing !== null}
    .busy=${state.activity === 'busy'}
    @node-select=${({ detail }: CustomEvent<string | null>) => {
      desk.select(detail);
    }}
    @network-edit=${({ detail }: CustomEvent<NetworkEdit>) => {
      desk.edit(detail);
    }}
    @film-end=${({ detail }: CustomEvent<Transcript>) => {
      desk.filmEnded(detail);
    }}
  ></nm-network>`;
}

/** Below the network: what its colours mean, and the way to change it; while it is being changed, how. */
export function caption(desk: Desk): TemplateResult {
  const { session, state, editing } = desk;
  const undo =
    state.undoable === null
      ? nothing
      : html`<button
          id="undo-edit"
          ?disabled=${state.activity === 'busy'}
          @click=${() => {
            void session.changeNode({ do: 'undo' });
          }}
        >
          ${icons.reset} Undo ${state.undoable}
        </button>`;
  if (editing) {
    return html`<div class="caption">
      <nm-edit-bar
        .start=${editing.start}
        @start-change=${({ detail }: CustomEvent<NodeStart>) => {
          editing.choose(detail);
        }}
        @edit-end=${() => {
          desk.endEditing();
        }}
      ></nm-edit-bar>
      ${undo}
    </div>`;
  }
  // Nodes that share one adapter cannot come and go.
  const canEdit = state.spec.lora.shared !== true;
  return html`<div class="caption">
    <p class="legend">
      <span><i class="helped-swatch"></i>better than its other tries</span>
      <span><i class="hurt-swatch"></i>worse</span>
      <span><i class="changed-swatch"></i>changed by training</span>
    </p>
    ${undo}
    ${
      canEdit
        ? html`<button
            id="edit"
            title="Add and remove nodes and layers, and rewire them; what was learned stays"
            @click=${() => {
              desk.beginEditing();
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
  const { session, state, selected } = desk;
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
    .editedPlan=${desk.editing ? state.plan : null}
    @node-change=${({ detail }: CustomEvent<NodeChange>) => {
      void session.changeNode(detail);
    }}
    @network-edit=${({ detail }: CustomEvent<NetworkEdit>) => {
      desk.edit(detail);
    }}
    @node-close=${() => {
      desk.closePanel(node.id);
    }}
    @node-blank=${({ detail }: CustomEvent<boolean>) => {
      void session.blank(node.id, detail);
    }}
  ></nm-node-panel>`;
}
