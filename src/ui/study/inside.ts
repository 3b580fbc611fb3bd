/** What was found inside a network: worth, exchange, parts and form of messages, each as a table and a sentence. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Grid, Inside } from '../../study/findings.ts';
import { nodeName, percent, shown, signed } from '../theme/words.ts';
import { heat } from './grid.ts';

const node = (id: string): string => nodeName(id);
/** A part that most messages state. */
const MOST = 0.6;

const MEASURES: Readonly<Record<string, string>> = {
  'message entropy (nats)': 'entropy of messages to a problem (nats)',
  'form entropy (nats)': 'entropy of their form (nats)',
};

/** What a measure of messages is called. */
export const measureName = (name: string): string => MEASURES[name] ?? name;

export function insideView({ effects, swaps, states, forms }: Inside): TemplateResult {
  return html`
    ${
      effects
        ? html`<div>
            ${heat(effects, {
              caption: 'Accuracy lost when a node is not heard',
              ...{ corner: 'node', row: node, column: (name: string) => name, scale: 'signed' },
            })}
            <p class="reading">${worthOf(effects)}</p>
          </div>`
        : nothing
    }
    ${
      swaps.length > 0
        ? html`<div>
            ${heat(
              {
                rows: swaps.map(({ a, b }) => `${node(a)} ⇄ ${node(b)}`),
                columns: ['accuracy lost'],
                at: (row) => swaps[row]?.lost ?? null,
              },
              {
                caption: 'Accuracy lost when two nodes exchange what they learned',
                ...{ corner: 'nodes', row: (name: string) => name, column: (name: string) => name, scale: 'signed' },
              },
            )}
          </div>`
        : nothing
    }
    ${
      states
        ? html`<div>
            ${heat(states, {
              caption: 'Share of a node’s messages that state a part of the problem',
              ...{ corner: 'node', row: node, column: (name: string) => `the ${name}`, scale: 'share' },
            })}
            <p class="reading">${partsOf(states)}</p>
          </div>`
        : nothing
    }
    ${
      forms
        ? html`<div>
            ${heat(forms, {
              caption: 'How settled the messages are, sampled at temperature 1',
              ...{ corner: 'node', row: node, column: measureName, scale: 'none' },
            })}
          </div>`
        : nothing
    }
  `;
}

/** On the last level, which is the one that was trained. */
function worthOf({ rows, columns, at }: Grid): string {
  const last = columns.length - 1;
  const worth = rows
    .map((id, row) => ({ id, lost: at(row, last)?.mean ?? NaN }))
    .filter(({ lost }) => !Number.isNaN(lost));
  const [most] = worth.toSorted((a, b) => b.lost - a.lost);
  if (!most) return '';
  const on = shown(columns[last] ?? '', 40);
  if (most.lost < 0.02) return `On ${on} no node is missed: the accuracy without it is within 0.02 of the whole.`;
  return `On ${on} node ${node(shown(most.id, 20))} is missed most: without it the accuracy changes by ${signed(-most.lost)}.`;
}

function partsOf({ rows, columns, at }: Grid): string {
  const said = rows.flatMap((id, row) => {
    const shares = columns.map((part, column) => ({ part, share: at(row, column)?.mean ?? 0 }));
    const [top] = shares.toSorted((a, b) => b.share - a.share);
    return top && top.share >= MOST
      ? [`${node(shown(id, 20))} states the ${shown(top.part, 20)} in ${percent(top.share)} of its messages`]
      : [];
  });
  return said.length === 0 ? 'No node states one part in most of its messages.' : `${said.join('; ')}.`;
}
