/** Two runs side by side: the one on the page, and a stored one as it was left. */
import { html, nothing, type TemplateResult } from 'lit';
import { planGraph } from '../../graph/plan.ts';
import type { Curves } from '../../session/library.ts';
import type { SessionState } from '../../session/state.ts';
import type { RunSpec } from '../../spec.ts';
import type { RecordedEvaluation, Transcript } from '../../training/types.ts';
import { icons } from '../theme/icons.ts';
import { place } from '../theme/place.ts';
import { percent, shown } from '../theme/words.ts';

export interface VersusContext {
  state: SessionState;
  other: Curves;
  /** The picture of the run on the page. */
  network: TemplateResult;
  /** Runs a problem through the network on the page. */
  ask: (problem: string) => void;
}

export function versus({ state, other, network, ask }: VersusContext): TemplateResult {
  const { transcript } = other;
  const plan = planGraph(other.spec.graph);
  const mine = state.shown?.transcript ?? null;
  return html`<div class="versus">
    <section aria-labelledby="mine">
      <h2 id="mine">This run</h2>
      <p>${facts(state.spec, state.step, state.evaluations)}</p>
      ${answered(mine)} ${network}
    </section>
    <section aria-labelledby="other">
      <h2 id="other"><i aria-hidden="true"></i>${shown(other.name, 60)}</h2>
      <p>${facts(other.spec, other.step, other.evaluations)}</p>
      ${answered(transcript)}
      <nm-network
        ${place({ '--layers': String(plan.layers.length) })}
        .plan=${plan}
        .transcript=${transcript}
        .characters=${other.spec.sampling.maxNewTokens}
      ></nm-network>
    </section>
    ${
      transcript && mine?.problem !== transcript.problem && state.task.name === other.spec.task.name
        ? html`<button
            id="same-problem"
            ?disabled=${state.activity === 'busy'}
            @click=${() => {
              ask(transcript.problem);
            }}
          >
            ${icons.one} Give this run the same problem
          </button>`
        : nothing
    }
  </div>`;
}

/** `layers 2-1 · level 3 · seed 1 · step 75 · 100 % in tests`: what tells runs apart. */
function facts({ graph, task, seed }: RunSpec, step: number, evaluations: readonly RecordedEvaluation[]): string {
  const last = evaluations.at(-1);
  return [
    `layers ${graph.layers.join('-')}`,
    `level ${task.level}`,
    `seed ${seed}`,
    `step ${step}`,
    ...(last ? [`${percent(last.accuracy)} in tests`] : []),
  ].join(' · ');
}

function answered(transcript: Transcript | null): TemplateResult {
  if (!transcript) return html`<p class="mono">–</p>`;
  const { problem, correct } = transcript;
  return html`<p class="mono" title=${shown(problem, 200)}>
    ${shown(problem, 40)} <span class=${correct ? 'helped' : 'hurt'}>${correct ? '✓ right' : '✗ wrong'}</span>
  </p>`;
}
