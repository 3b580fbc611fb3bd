/** Questions of the reader's own: chosen or dropped, refused with their lines, trained on, and there after a reload. */
import { expect, test } from '@playwright/test';
import { idle, linkTo, openPage, stateOf, waitForState, watch } from './page-helpers.ts';

const line = (question: string, answer: string): string => JSON.stringify({ question, answer });
const sums = Array.from({ length: 40 }, (_, i) => line(`${i % 10}+${i >> 3}`, String(((i % 10) + (i >> 3)) % 10)));
const fileOf = (name: string, lines: string[]) => ({
  ...{ name, mimeType: 'application/jsonl' },
  buffer: Buffer.from(lines.join('\n')),
});

const small = {
  graph: { layers: [1] },
  training: { steps: 20, problems: 2, samples: 2 },
  evaluation: { problems: 8, every: 0 },
  checkpoints: { every: 1 },
};

test('a file is refused with its lines, mended, trained on, and there after a reload', async ({ page }) => {
  const faults = watch(page);
  await openPage(page, linkTo(small));
  await page.getByLabel('Task').selectOption('Questions from a file…');
  const dialog = page.getByRole('dialog', { name: 'Your own questions' });
  const input = dialog.locator('#file');
  await input.setInputFiles(fileOf('sums.jsonl', [...sums, '{"question": "1+1"}', line('<b>2+2</b>', 'vier ✓')]));
  await expect(dialog.getByRole('alert')).toHaveText('line 41: it has no "answer"; its fields are "question"');
  await expect(dialog.getByRole('button', { name: 'Train on them' })).toBeDisabled();
  await input.setInputFiles(fileOf('sums.jsonl', [...sums, line('<b>2+2</b>', 'vier ✓')]));
  await expect(dialog.getByRole('alert')).toContainText('line 41: the answer has the character "✓" (U+2713), and nano');
  await dialog.getByLabel('A message is right when').selectOption('numeric');
  await expect(dialog.getByRole('alert')).toHaveText('line 41: the answer "vier ✓" is not a number');
  await input.setInputFiles(fileOf('sums.jsonl', [...sums, sums[0] ?? '']));
  await expect(dialog.getByRole('status')).toHaveText(
    '40 questions (lines that repeat one left out: 1); one fifth is kept for tests.',
  );
  await page.screenshot({ path: 'test-results/data-dialog.png' });
  await dialog.getByRole('button', { name: 'Train on them' }).click();
  await expect(dialog).toBeHidden();
  expect((await stateOf(page)).spec).toMatchObject({
    task: { name: 'data', level: 1 },
    data: { file: 'sums.jsonl', match: 'numeric' },
    graph: small.graph,
  });
  await page.getByRole('button', { name: 'One step' }).click();
  await waitForState(page, ({ step }) => step === 1);
  await idle(page);
  const { shown } = await stateOf(page);
  expect(sums).toContainEqual(line(shown?.transcript.problem ?? '', shown?.transcript.answer ?? ''));
  await page.screenshot({ path: 'test-results/data-page.png' });

  await page.reload();
  await page.getByRole('button', { name: 'Resume it' }).click();
  await waitForState(page, ({ resumedAt }) => resumedAt === 1);
  await page.getByRole('button', { name: 'One step' }).click();
  await waitForState(page, ({ step, trouble }) => step === 2 && trouble === null);
  expect(faults).toEqual([]);
});

test('a file that is dropped opens the dialog; a link without its file asks for it', async ({ page }) => {
  await openPage(page, linkTo(small));
  const drop = await page.evaluateHandle(
    ([name, text]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([text], name));
      return transfer;
    },
    ['dropped.jsonl', sums.join('\n')] as const,
  );
  await page.dispatchEvent('neuro-mas', 'drop', { dataTransfer: drop });
  const dialog = page.getByRole('dialog', { name: 'Your own questions' });
  await expect(dialog.getByRole('status')).toHaveText('40 questions; one fifth is kept for tests.');
  await dialog.getByRole('button', { name: 'Train on them' }).click();
  await waitForState(page, ({ spec }) => spec.data !== undefined);
  const { spec } = await stateOf(page);

  // Elsewhere, where nobody has the file.
  await page.goto('about:blank');
  await openPage(page, linkTo(JSON.parse(JSON.stringify(spec))));
  await page.getByRole('button', { name: 'One step' }).click();
  const notice = page.locator('nm-notice').filter({ hasText: 'dropped.jsonl' });
  await expect(notice).toContainText('in the file "dropped.jsonl"');
  await notice.getByRole('button', { name: 'Choose the file' }).click();
  await dialog.locator('#file').setInputFiles(fileOf('renamed.jsonl', sums));
  await dialog.getByRole('button', { name: 'Train on them' }).click();
  await page.getByRole('button', { name: 'One step' }).click();
  await waitForState(page, ({ step, trouble }) => step === 1 && trouble === null);
});
