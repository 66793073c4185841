/**
 * The headless terminal's package names a `module` file that it does not contain, so bundlers cannot resolve the
 * bare name; its ES module is imported by path, and typed as the package itself.
 */
declare module '@xterm/headless/lib-headless/xterm-headless.mjs' {
  export { Terminal } from '@xterm/headless'
}
declare module '@xterm/addon-unicode-graphemes/lib/addon-unicode-graphemes.mjs' {
  export { UnicodeGraphemesAddon } from '@xterm/addon-unicode-graphemes'
}
