/** Something the user gave cannot be used: one line on stderr, exit code 2, nothing written. */
export class InputError extends Error {
  override name = 'InputError';
}
