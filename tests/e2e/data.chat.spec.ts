/** A chat model from a server, with its own tokenizer and template, trained in the page on a task in English. */
import { readFileSync } from 'node:fs';
import { expect, test } from '@playwright/test';
import { randomModel } from '../../workers/engine/random-model.ts';
import { writeHuggingFace } from '../support/model-folder.ts';
import { serveModels, type ModelServer } from '../support/model-server.ts';
import { linkTo, openPage, stateOf, waitForState } from './page-helpers.ts';

/** The tokenizer and chat template of Qwen's family, cut to 705 tokens; weights that mean nothing. */
function chatModel() {
  const model = randomModel({
    ...{ name: 'tiny', architecture: 'qwen2', qkvBias: true, layers: 1, vocabularySize: 705, contextLength: 1024 },
    ...{ bosId: 700, stopIds: [702], padId: 700 },
  });
  const files = writeHuggingFace(model, { dtype: 'BF16', files: 1 });
  for (const name of ['tokenizer.json', 'tokenizer_config.json']) {
    files.set(name, new Uint8Array(readFileSync(new URL(`../fixtures/tokenizers/qwen/${name}`, import.meta.url))));
  }
  return files;
}

let server: ModelServer;
test.beforeAll(async () => {
  server = await serveModels({ tiny: chatModel() });
});
test.afterAll(() => server.close());

test('trains on a task in English, on the CPU, and on questions of one’s own', async ({ page }) => {
  const run = {
    model: `${server.address}tiny`,
    engine: 'reference' as const,
    task: { name: 'counting', level: 1 },
    graph: { layers: [2, 1] },
    sampling: { maxNewTokens: 6 },
    training: { steps: 20, problems: 2, samples: 2 },
    evaluation: { problems: 4, every: 0 },
  };
  await openPage(page, linkTo(run));
  await page.getByRole('button', { name: 'One step' }).click();
  await page.getByRole('button', { name: /Contact localhost/ }).click();
  await waitForState(page, ({ step }) => step >= 2);
  await page.getByRole('button', { name: 'Pause' }).click();
  await waitForState(page, ({ activity }) => activity === 'idle');
  const { shown, spec } = await stateOf(page);
  expect(shown?.transcript.problem).toMatch(/^I have \d/);
  expect(shown?.transcript.nodes).toHaveLength(3);
  await page.screenshot({ path: 'test-results/chat-page.png' });

  await page.getByLabel('Task').selectOption('Who has which ball');
  await waitForState(page, ({ spec: { task } }) => task.name === 'tracking');
  expect((await stateOf(page)).spec).toEqual({ ...spec, task: { name: 'tracking', level: 1 } });
  await page.getByLabel('Task').selectOption('Questions from a file…');
  const dialog = page.getByRole('dialog', { name: 'Your own questions' });
  const lines = ['東京はどこ? ✓', 'Wo ist Köln?'].map((question) => JSON.stringify({ question, answer: '\\p{L}' }));
  await dialog.getByLabel('A message is right when').selectOption('regex');
  await dialog
    .locator('#file')
    .setInputFiles({ name: 'wo.jsonl', mimeType: 'application/jsonl', buffer: Buffer.from(lines.join('\n')) });
  await dialog.getByRole('button', { name: 'Train on them' }).click();
  await page.getByRole('button', { name: 'One step' }).click();
  await waitForState(page, ({ step, trouble }) => step === 1 && trouble === null);
});
