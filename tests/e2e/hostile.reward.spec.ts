/** Reward functions in the page: one from a link runs only after it was read here, and none gets out or holds up the page. */
import { expect, test, type Page } from '@playwright/test';
import { idle, linkTo, openPage, quick, stateOf, watch } from './page-helpers.ts';

const rewardWorkers = (page: Page): number => page.workers().filter((worker) => /reward/.test(worker.url())).length;
const small = { ...quick, training: { ...quick.training, problems: 2, samples: 2 }, evaluation: { problems: 4 } };
const oneStep = (page: Page) => page.getByRole('button', { name: 'One step' }).click();

test('a reward function from a link is shown, and runs when its reader says that they read it', async ({ page }) => {
  const complaints = watch(page);
  let started = 0;
  page.on('worker', (worker) => (started += /reward/.test(worker.url()) ? 1 : 0));
  const code = 'function reward() {\n  // <img src=x onerror="document.title=1">\n  return 0.25;\n}';
  await openPage(page, linkTo({ ...small, reward: { code } }));
  await oneStep(page);
  await expect(page.getByText('reward function that came with it', { exact: false })).toBeVisible();
  expect((await stateOf(page)).step).toBe(0);
  expect(started).toBe(0);

  await page.getByRole('button', { name: 'Read the function' }).click();
  await expect(page.getByRole('textbox', { name: 'Reward function' })).toHaveValue(code);
  for (const name of ['Try it', 'Use it']) await expect(page.getByRole('button', { name })).toBeDisabled();
  expect(started).toBe(0);
  await page.getByRole('checkbox', { name: 'I have read it' }).check();
  await page.getByRole('button', { name: 'Try it' }).click();
  await expect(page.getByText(/It gives 0\.250 for the problem/)).toBeVisible();
  await page.getByRole('button', { name: 'Use it' }).click();
  await expect(page.getByRole('dialog')).toBeHidden();
  await oneStep(page);
  await idle(page);
  const { curve, trouble } = await stateOf(page);
  expect(trouble).toBeNull();
  expect(curve.map(({ reward }) => reward)).toEqual([0.25]);
  expect(rewardWorkers(page)).toBe(1);

  // Confirmed for this visit only, also for the run that is stored now.
  await page.reload();
  await page.getByRole('button', { name: 'Resume it' }).click();
  await expect(page.getByRole('button', { name: 'Read the function' })).toBeVisible();
  expect(complaints).toEqual([]);
});

test('one’s own is written, mended and used; what hangs is killed and the page goes on', async ({ page }) => {
  const complaints = watch(page);
  await openPage(page, linkTo(small));
  await page.getByRole('button', { name: 'Write one' }).click();
  const code = page.getByRole('textbox', { name: 'Reward function' });
  const use = page.getByRole('button', { name: 'Use it' });
  const fault = page.locator('#fault');
  const body = (text: string) => code.fill(`function reward(problem, answer, messages) {\n${text}\n}`);

  for (const [text, said] of [
    ['return messages[9].text', /line 2: cannot read property 'text' of undefined/],
    ['return 2', /it returned 2; a reward is a number from 0 to 1/],
    ['for (;;);', /it does not come to an end/],
    ['return fetch("/")', /line 2: 'fetch' is not defined/],
    ['const all = []; for (;;) all.push(new Array(1000))', /it needs more than 16 MB/],
    ['return eval("(".repeat(1e6))', /ran out of memory or nested too deep/],
  ] as const) {
    await body(text);
    await use.click();
    await expect(fault).toContainText(said);
    expect(rewardWorkers(page)).toBe(0);
  }

  // A loop that the interpreter cannot leave: its worker is killed, and meanwhile the page answers.
  await body('return Array.prototype.indexOf.call({ length: 2 ** 40 }, 1)');
  await use.click();
  await expect(page.getByText('Trying it…')).toBeVisible();
  expect(rewardWorkers(page)).toBe(1);
  const start = Date.now();
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
  expect(Date.now() - start).toBeLessThan(2_000);
  await expect(fault).toContainText('it was stopped after 10 s', { timeout: 40_000 });
  await expect.poll(() => rewardWorkers(page)).toBe(0);

  await body('return messages.length / 4');
  await use.click();
  await expect(page.getByRole('dialog')).toBeHidden();
  await oneStep(page);
  await idle(page);
  expect((await stateOf(page)).curve.map(({ reward }) => reward)).toEqual([0.75]);

  // A fault during training stops it, with the way to mend it.
  await page.getByRole('button', { name: 'Show' }).click();
  const problem = (await stateOf(page)).shown?.transcript.problem;
  await body(`if (problem !== ${JSON.stringify(problem)}) throw new Error("not this one");\nreturn 1`);
  await use.click();
  await expect(page.getByRole('dialog')).toBeHidden();
  await oneStep(page);
  await expect(page.getByRole('alert').filter({ hasText: 'line 2: not this one' })).toBeVisible({ timeout: 60_000 });
  await page.getByRole('button', { name: 'Mend the function' }).click();
  await expect(code).toHaveValue(/not this one/);
  await page.getByRole('button', { name: 'Back to the task’s reward' }).click();
  expect((await stateOf(page)).spec.reward).toBeUndefined();
  expect(complaints).toEqual([]);
});
