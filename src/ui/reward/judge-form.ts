/** A model as the judge: what is chosen in the dialog, as text, and what a specification makes of it. */
import { html, nothing, type TemplateResult } from 'lit';
import { gate, readAddress } from '../../nodes/gate.ts';
import { resolveModel } from '../../nodes/model.ts';
import { DEFAULT_JUDGES } from '../../nodes/model-judge.ts';
import { parseSpec, type RunSpec } from '../../spec.ts';

type JudgeSpec = NonNullable<NonNullable<RunSpec['reward']>['judge']>;

export const FUNCTION = 'function';

export interface JudgeForm {
  kind: JudgeSpec['kind'] | typeof FUNCTION;
  /** Empty: the default of the kind. */
  model: string;
  bits: 8 | 32;
  /** Separated by commas. */
  labels: string;
}

export const KINDS: readonly { kind: JudgeForm['kind']; name: string }[] = [
  { kind: FUNCTION, name: 'A function of mine' },
  { kind: 'similarity', name: 'A model: how close to the right answer' },
  { kind: 'sentiment', name: 'A model: sentiment' },
  { kind: 'zero-shot', name: 'A model: a class that I name' },
];

const ABOUT: Record<JudgeSpec['kind'], string> = {
  similarity: 'Reads the network’s answer and the right one, and rewards what means the same.',
  sentiment: 'Reads the network’s answer and rewards its tone: the probability of a class that the model knows.',
  'zero-shot': 'Reads the network’s answer and rewards the first of the classes that you name, by its probability.',
};

export const formOf = (judge: JudgeSpec | undefined): JudgeForm => ({
  kind: judge?.kind ?? FUNCTION,
  model: judge?.model ?? '',
  bits: judge?.bits ?? 8,
  labels: judge?.labels?.join(', ') ?? '',
});

/** Throws a SpecError of one line for what cannot be a judge. */
export function judgeOf({ kind, model, bits, labels }: JudgeForm): JudgeSpec {
  const named = labels.split(',').map((label) => label.trim());
  const judge = {
    kind,
    ...(model.trim() && { model: model.trim() }),
    ...(bits !== 8 && { bits }),
    ...(kind !== 'similarity' && labels.trim() && { labels: named }),
  };
  return parseSpec({ reward: { judge } }).reward!.judge!;
}

const addressOf = ({ kind, model }: Pick<JudgeSpec, 'kind' | 'model'>, base: string | URL): string =>
  resolveModel(model ?? DEFAULT_JUDGES[kind], base);

/** The host that is to be contacted for it, or null where that is ours, or none. */
export function hostOf(form: JudgeForm, base: string | URL): string | null {
  try {
    const { host, origin } = readAddress(addressOf(judgeOf(form), base));
    return origin === new URL(base).origin || gate.agreed.includes(origin) ? null : host;
  } catch {
    return null;
  }
}

/** Only ever called when the reader pressed a button that names the host. */
export function agreeToJudge(judge: JudgeSpec, base: string | URL): void {
  const address = addressOf(judge, base);
  if (new URL(address).origin !== new URL(base).origin) gate.agree(address);
}

export function judgeFields(form: JudgeForm, change: (change: Partial<JudgeForm>) => void): TemplateResult {
  const { kind, model, bits, labels } = form;
  if (kind === FUNCTION) return html``;
  const typed = (key: 'model' | 'labels') => (event: Event) => {
    change({ [key]: (event.target as HTMLInputElement).value });
  };
  return html`<p>
      ${ABOUT[kind]} The task still says what is right. It runs in this browser, on the processor, and is downloaded
      once; another judge begins a new run.
    </p>
    <div class="field">
      <label for="judge-model">Model</label>
      <input
        id="judge-model"
        type="text"
        spellcheck="false"
        autocapitalize="off"
        autocomplete="off"
        maxlength="500"
        placeholder=${DEFAULT_JUDGES[kind]}
        .value=${model}
        @input=${typed('model')}
      />
      <label for="judge-bits">Weights</label>
      <select
        id="judge-bits"
        @change=${(event: Event) => {
          change({ bits: (event.target as HTMLSelectElement).value === '32' ? 32 : 8 });
        }}
      >
        <option value="8" .selected=${bits === 8}>8 bits</option>
        <option value="32" .selected=${bits === 32}>32 bits</option>
      </select>
      ${
        kind === 'similarity'
          ? nothing
          : html`<label for="judge-labels">${kind === 'sentiment' ? 'Class' : 'Classes'}</label>
              <input
                id="judge-labels"
                type="text"
                autocomplete="off"
                maxlength="1000"
                placeholder=${kind === 'sentiment' ? 'POSITIVE' : 'polite, rude'}
                .value=${labels}
                @input=${typed('labels')}
              />`
      }
    </div>`;
}
