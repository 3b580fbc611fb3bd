import { NeuroMas, presets } from 'neuromas-sandbox';

const sandbox = new NeuroMas();
sandbox.preset = 'arithmetic-2-1-small';
sandbox.controls = 'minimal';
sandbox.seed = 3;
// With a bundler the script moves and the models do not: copy node_modules/neuromas-sandbox/models to where your pages
// are, and name the folder that holds it.
// sandbox.assets = '/';

const told = document.querySelector('#told');
sandbox.addEventListener('step', ({ detail }) => {
  told.textContent = `Step ${detail.point.step}: mean reward ${detail.point.reward.toFixed(2)}.`;
});
sandbox.addEventListener('finished', ({ detail }) => {
  told.textContent = `Finished after ${detail.step} steps.`;
});
sandbox.addEventListener('error', ({ detail }) => {
  told.textContent = `${detail.what} ${detail.remedy}`;
});

document.querySelector('#here').append(sandbox);
sandbox.title = presets['arithmetic-2-1-small'].title;
