import { endpointAddress, HelperError } from '../src/graph/helper.ts';
import { Endpoint } from '../src/nodes/endpoint.ts';
import { WriterShelf } from '../src/nodes/writers.ts';
import { InputError } from './errors.ts';

/** Keys by base address, from `--key address=VARIABLE`. A key is read from the environment: arguments are seen by all. */
export function readKeys(settings: readonly string[]): Map<string, string> {
  const keys = new Map<string, string>();
  for (const setting of settings) {
    const at = setting.lastIndexOf('=');
    const [address, variable] = [setting.slice(0, at), setting.slice(at + 1)];
    if (at < 1 || !URL.canParse(address) || !/^\w+$/.test(variable)) {
      throw new InputError('--key: write address=VARIABLE, for example https://example.org/v1=MY_KEY');
    }
    const key = process.env[variable];
    if (!key) throw new InputError(`--key ${address}=${variable}: the environment has no variable ${variable}`);
    keys.set(endpointAddress(address), key);
  }
  return keys;
}

/** Endpoints that a specification names may be asked: who runs a command has chosen its specification. */
export const cliWriters = (keys: ReadonlyMap<string, string>): WriterShelf =>
  new WriterShelf(async ({ backend, url: given = '' }) => {
    if (backend === 'web-llm') {
      throw new HelperError(
        'web-llm runs in a browser only; open the run on the page, or serve the model (docs/export.md)',
      );
    }
    const url = endpointAddress(given);
    return new Endpoint({ url, key: () => keys.get(url) });
  });
