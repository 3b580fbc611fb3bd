/** The page of the sandbox: the element, and what only a page of its own has, which is to work without a network. */
import './index.ts';

/** Milliseconds after the page has loaded: the first visit is for the network of models, not for storing it. */
const PATIENCE = 4000;

async function keepForOffline(): Promise<void> {
  const { registerSW } = await import('virtual:pwa-register');
  const update = registerSW({
    onNeedRefresh: () => {
      offerUpdate(() => void update(true));
    },
  });
}

/** Nothing is replaced under a run that is being watched: the reader says when. */
function offerUpdate(take: () => void): void {
  const notice = document.createElement('p');
  notice.className = 'update';
  notice.setAttribute('role', 'status');
  const button = document.createElement('button');
  button.textContent = 'Reload now';
  button.addEventListener('click', take);
  notice.append('A newer version of this page is ready; it is used from the next visit on. ', button);
  document.body.append(notice);
}

if (import.meta.env.PROD && 'serviceWorker' in navigator) {
  const later = () => setTimeout(() => void keepForOffline(), PATIENCE);
  if (document.readyState === 'complete') later();
  else addEventListener('load', later, { once: true });
}
