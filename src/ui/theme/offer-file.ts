/** Hands a file to the reader's downloads. */
export function offerFile({ name, blob }: { name: string; blob: Blob }): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // Late enough for the slowest browser to have begun.
  setTimeout(() => {
    URL.revokeObjectURL(link.href);
  }, 60_000);
}
