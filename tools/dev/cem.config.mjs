/** What the custom-elements analyzer reads; `packagejson` would write into ours. */
export default {
  globs: ['src/ui/neuro-mas/neuro-mas.ts', 'src/ui/neuro-mas/define.ts'],
  litelement: true,
  quiet: true,
  packagejson: false,
};
