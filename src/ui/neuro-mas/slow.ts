/**
 * No WebGPU, or a GPU that is none: what to expect, and what to do. It stands with the speed, not among the notices: it
 * comes when the engine is there, and must not move what is being read by then.
 */
import { html, nothing, type TemplateResult } from 'lit';
import type { SessionState } from '../../session/state.ts';
import { adapterName } from '../status/status.ts';
import { duration, shown } from '../theme/words.ts';
import { secondsPerStep } from './view.ts';

export function slow(state: SessionState, dismiss: () => void): TemplateResult | typeof nothing {
  const { adapter } = state;
  if (!adapter?.software) return nothing;
  const pace = secondsPerStep(state);
  const expect = Number.isFinite(pace) ? `a step takes about ${duration(pace)}` : 'a step takes seconds';
  return html`<nm-notice class="slow" kind="warning" dismissible @dismiss=${dismiss}>
    <details class="why">
      <summary><b>No graphics card is used:</b> ${expect}.</summary>
      ${
        adapter.engine === 'reference'
          ? html`${adapter.fallbackReason ? shown(adapter.fallbackReason, 200) : 'The TypeScript engine was chosen.'}
            The network learns on the processor, the same way but slower. For more speed, open this page in a current
            Chrome, Edge, Safari or Firefox with hardware acceleration switched on, on a machine that has a graphics
            card.`
          : html`${shown(adapterName(adapter), 80)} computes in software. Everything works, but slowly. For more speed,
            switch hardware acceleration on in the browser's settings, or use a machine with a graphics card.`
      }
    </details>
  </nm-notice>`;
}
