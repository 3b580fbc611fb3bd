/**
 * What a Node process must have in its environment, before it starts, for Dawn to find a Vulkan driver: the dynamic
 * linker reads LD_LIBRARY_PATH only once. Plain JavaScript, since it runs before anything is bundled.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { homedir } from 'node:os';

/** File of the Vulkan loader, and the variable that says where to look for it. */
const LOADER = process.platform === 'win32' ? 'vulkan-1.dll' : 'libvulkan.so.1';
const SEARCH_PATH = process.platform === 'win32' ? 'PATH' : 'LD_LIBRARY_PATH';

/**
 * The folder of Chromium's SwiftShader (a Vulkan driver that runs on the CPU), with its loader; null where none is
 * installed. macOS has none: Dawn speaks only Metal there.
 *
 * @returns {string | null}
 */
export function swiftShaderFolder(folders = browserFolders()) {
  const usable = (/** @type {string} */ folder) =>
    existsSync(join(folder, 'vk_swiftshader_icd.json')) && existsSync(join(folder, LOADER));
  return process.platform === 'darwin' ? null : (folders.find(usable) ?? null);
}

/** Where browsers that bring SwiftShader are installed, the most likely first. */
export function browserFolders() {
  const fixed =
    process.platform === 'win32'
      ? []
      : ['/usr/lib/chromium', '/usr/lib64/chromium-browser', '/usr/lib/chromium-browser', '/opt/google/chrome'];
  return [...fixed, ...playwrightFolders()];
}

/** Folders of the Chromiums that Playwright has installed, the newest first. */
function playwrightFolders() {
  const cache =
    process.env.PLAYWRIGHT_BROWSERS_PATH ||
    (process.platform === 'win32'
      ? join(process.env.LOCALAPPDATA ?? homedir(), 'ms-playwright')
      : join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'ms-playwright'));
  if (!existsSync(cache)) return [];
  return readdirSync(cache)
    .filter((name) => name.startsWith('chromium'))
    .sort()
    .reverse()
    .flatMap((name) => readdirSync(join(cache, name)).map((inner) => join(cache, name, inner)));
}

/** Folders in which the Vulkan loader looks for drivers. */
function driverFolders() {
  const { XDG_CONFIG_HOME, XDG_DATA_HOME, XDG_DATA_DIRS } = process.env;
  return [
    ...[XDG_CONFIG_HOME, XDG_DATA_HOME, ...(XDG_DATA_DIRS?.split(':') ?? [])].filter((folder) => !!folder),
    ...['/etc', '/usr/share', '/usr/local/share', '/usr/local/etc', '/run/opengl-driver/share'],
    join(homedir(), '.local/share'),
  ].map((folder) => join(String(folder), 'vulkan/icd.d'));
}

/** Whether the dynamic linker will find the Vulkan loader. */
function hasLoader() {
  const folders = [
    ...(process.env.LD_LIBRARY_PATH?.split(':') ?? []),
    '/usr/lib',
    '/usr/lib64',
    '/run/opengl-driver/lib',
  ];
  if (folders.some((folder) => folder !== '' && existsSync(join(folder, LOADER)))) return true;
  for (const ldconfig of ['/sbin/ldconfig', '/usr/sbin/ldconfig', 'ldconfig']) {
    const { stdout } = spawnSync(ldconfig, ['-p'], { encoding: 'utf8' });
    if (stdout) return stdout.includes(LOADER);
  }
  return false;
}

/**
 * What a Linux system has of Vulkan: the loader (libvulkan.so.1), and the manifests of the drivers. Other systems use
 * Metal or Direct3D 12, which are always there.
 */
export function vulkanOnLinux() {
  const named = process.env.VK_DRIVER_FILES || process.env.VK_ICD_FILENAMES;
  const drivers = named
    ? named.split(':').filter((file) => existsSync(file))
    : driverFolders()
        .filter((folder) => existsSync(folder))
        .flatMap((folder) => readdirSync(folder).map((file) => join(folder, file)))
        .filter((file) => file.endsWith('.json'));
  return { loader: hasLoader(), drivers };
}

/**
 * Variables to add to the environment for an adapter. Empty where nothing is needed or nothing can be done.
 *
 * @param {string} choice `auto`, `hardware`, `software` or `none`
 * @returns {Record<string, string>}
 */
export function adapterEnvironment(choice) {
  const folder = choice === 'none' ? null : swiftShaderFolder();
  if (!folder) return {};
  const before = process.env[SEARCH_PATH];
  const search = { [SEARCH_PATH]: before ? `${folder}${delimiter}${before}` : folder };
  if (choice === 'software') {
    const manifest = join(folder, 'vk_swiftshader_icd.json');
    return { ...search, VK_ICD_FILENAMES: manifest, VK_DRIVER_FILES: manifest };
  }
  // A driver without a loader can borrow the browser's.
  if (process.platform !== 'linux') return {};
  const { loader, drivers } = vulkanOnLinux();
  return !loader && drivers.length > 0 ? search : {};
}
