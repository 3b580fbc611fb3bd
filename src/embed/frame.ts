/**
 * The document inside an iframe (`embed.html`): one `<neuro-mas>`, whose attributes are in the query of the address, or
 * whose run is in its hash, as in a link that was shared. It tells the window around it how high it is.
 */
import '../index.ts';
import { isLink } from '../session/link.ts';
import { ASK, HEIGHT } from './height.ts';

/** What an address may set. What it names at another host (`recording`, `bundle`) is fetched only once the reader agrees. */
const ATTRIBUTES = [
  ...['preset', 'task', 'level', 'layers', 'seed', 'recording', 'bundle'],
  ...['autoplay', 'controls', 'theme', 'preload'],
];

const element = document.createElement('neuro-mas');
const query = new URLSearchParams(location.search);
element.setAttribute('controls', 'minimal');
for (const name of ATTRIBUTES) {
  const value = query.get(name);
  if (value !== null) element.setAttribute(name, value);
}
element.lazy = true;
if (isLink(location.hash)) element.permalink = true;
(document.querySelector('main') ?? document.body).append(element);

if (parent !== window) {
  // To whom is not known here (a cross-site frame may have no referrer), and a height is no secret.
  const tell = () => {
    parent.postMessage({ type: HEIGHT, height: element.getBoundingClientRect().height }, '*');
  };
  new ResizeObserver(tell).observe(element);
  addEventListener('message', (event) => {
    if (event.source === parent && (event.data as { type?: unknown } | null)?.type === ASK) tell();
  });
}
