/** Something the user gave cannot be used: one line on stderr, exit code 2, nothing written. */
export class InputError extends Error {
  override name = 'InputError';
}

/** Errors of the layers below that are about what the user gave; each is one line that says what to do. */
const ABOUT_INPUT = new Set([
  'InputError',
  'SpecError',
  'GraphError',
  'ModelError',
  'StorageFullError',
  'HelperError',
  'RewardError',
  'JudgeError',
  'DataError',
  'DataMissingError',
  'PeftError',
  'SafetensorsError',
  'CorruptCheckpointError',
  'RangeError',
]);

export const isInputError = (error: unknown): error is Error => error instanceof Error && ABOUT_INPUT.has(error.name);

/** Runs `read` and says of its errors which file they are about. */
export async function about<T>(file: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : message;
    throw new InputError(`${file}: ${why}`, { cause: error });
  }
}
