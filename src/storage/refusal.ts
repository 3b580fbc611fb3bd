/**
 * Why storage refused, in words: browsers leave the message of a full disk empty, or write of their own insides.
 *
 * @param error What an operation on IndexedDB has thrown.
 */
export function refusal(error: unknown): string {
  const { name, message } = error as Partial<Error>;
  if (name === 'QuotaExceededError') return 'the browser has no more room on the disk for this page';
  return message || name || String(error);
}
