/**
 * For the page around embedded frames (built as `iframe.js`): gives every `<iframe data-neuromas>` the height that its
 * content has. A message counts only if it comes from the window of such a frame, from the origin that frame was given,
 * and is nothing but a height within limits.
 */
import { ASK, originOf, readHeight } from './height.ts';

const frames = (): HTMLIFrameElement[] => [...document.querySelectorAll<HTMLIFrameElement>('iframe[data-neuromas]')];

const origin = (frame: HTMLIFrameElement): string | null =>
  originOf(frame.src, frame.hasAttribute('sandbox') ? [...frame.sandbox] : null);

addEventListener('message', (event) => {
  const frame = frames().find(({ contentWindow }) => contentWindow !== null && contentWindow === event.source);
  if (!frame || event.origin !== origin(frame)) return;
  const height = readHeight(event.data);
  if (height !== null) frame.style.height = `${height}px`;
});

// A frame that was there before this script has said its height to nobody. The question is no secret.
for (const frame of frames()) frame.contentWindow?.postMessage({ type: ASK }, '*');
