/** Files of studies among those that a reader drops on the page. */

/** Characters in which a study says that it is one. */
const BEGINNING = 400;

/** Whether a file is a `study.json`, by its name and its first lines. */
export async function isStudy(file: File): Promise<boolean> {
  if (!/\.json$/i.test(file.name)) return false;
  const beginning = await file.slice(0, BEGINNING).text();
  return /^\s*\{[^[\]]*?"study"\s*:/.test(beginning);
}
