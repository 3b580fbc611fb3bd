/** Between two signals of one key press: the terminal, npm and cli/run.mjs may each deliver it. */
const ONE_PRESS_MS = 400;

/**
 * The first Ctrl-C (or SIGTERM, or the end of the process that started this one) aborts the signal, so that what was
 * learned is saved; the second ends the process at once.
 */
export function abortOnInterrupt(onAbort: () => void): AbortSignal {
  const controller = new AbortController();
  let first = 0;
  const interrupt = () => {
    const now = performance.now();
    if (!controller.signal.aborted) {
      first = now;
      controller.abort(new Error('interrupted'));
      onAbort();
    } else if (now - first > ONE_PRESS_MS) process.exit(130);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt);
  process.on('disconnect', interrupt);
  return controller.signal;
}
