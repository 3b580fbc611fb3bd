/**
 * Keys of servers, by base address (`endpointAddress`). In the memory of this tab only: never in a specification, a link, a
 * checkpoint or an error, and gone with the tab.
 */
const keys = new Map<string, string>();

export const serverKey = (address: string): string | undefined => keys.get(address);

/** An empty key forgets. */
export function rememberKey(address: string, key: string): void {
  if (key) keys.set(address, key);
  else keys.delete(address);
}
