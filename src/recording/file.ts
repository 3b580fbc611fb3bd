/** A recording as a file: a zip with one JSON in it, so that anybody can look inside. Sizes are checked first. */
import { strFromU8, strToU8, unzipSync, zipSync } from 'fflate';
import { decodeRecording, type Recording } from './decode.ts';
import { LIMITS, RecordingError, type RecordingFile } from './format.ts';

const ENTRY = 'recording.json';

/** What the names of such files end in. */
export const SUFFIX = '.recording.zip';

/** Larger files are not read. */
export const MAX_RECORDING_BYTES = LIMITS.file;

export const packRecording = (recording: RecordingFile): Uint8Array<ArrayBuffer> =>
  zipSync({ [ENTRY]: [strToU8(JSON.stringify(recording)), { level: 9 }] });

/** Throws a RecordingError that says what is wrong with any other file. */
export function readRecording(file: Uint8Array): Recording {
  const text = strFromU8(unpack(file));
  checkDepth(text);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new RecordingError(`this recording is damaged: ${ENTRY} is not JSON`, { cause: error });
  }
  return decodeRecording(json);
}

/** Whether a file's list of contents has a recording in it; false for what is no zip. */
export function isRecording(file: Uint8Array): boolean {
  let found = false;
  try {
    unzipSync(file, {
      filter: ({ name }) => {
        found ||= name === ENTRY;
        return false;
      },
    });
  } catch {
    return false;
  }
  return found;
}

function unpack(file: Uint8Array): Uint8Array {
  if (file.byteLength > LIMITS.file) {
    throw new RecordingError(`the file has ${file.byteLength} bytes; a recording has at most ${LIMITS.file}`);
  }
  let found: Uint8Array | undefined;
  try {
    const files = unzipSync(file, {
      // Asked before anything is allocated for an entry; fflate writes no more than an entry says it has.
      filter: ({ name, originalSize }) => {
        if (name !== ENTRY) return false;
        if (originalSize > LIMITS.text) {
          throw new RecordingError(`${ENTRY} unpacks to ${originalSize} bytes; at most ${LIMITS.text} are read`);
        }
        return true;
      },
    });
    found = files[ENTRY];
  } catch (error) {
    if (error instanceof RecordingError) throw error;
    throw new RecordingError('this file is no recording: it is not a zip file, or it is cut off', { cause: error });
  }
  if (!found) throw new RecordingError(`this file is no recording: it has no ${ENTRY}`);
  return found;
}

/** A parser may need a frame of its stack for each bracket. */
function checkDepth(text: string): void {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (quoted) {
      if (code === 0x5c) i++;
      else if (code === 0x22) quoted = false;
    } else if (code === 0x22) quoted = true;
    else if (code === 0x5b || code === 0x7b) {
      if (++depth > LIMITS.depth) {
        throw new RecordingError(`this recording is damaged: ${ENTRY} is nested more than ${LIMITS.depth} deep`);
      }
    } else if (code === 0x5d || code === 0x7d) depth--;
  }
}
