declare module '*.cjs?raw' {
  const source: string
  // biome-ignore lint/style/noDefaultExport: the bundler gives a file's text as the default export.
  export default source
}
declare module '*.py?raw' {
  const source: string
  // biome-ignore lint/style/noDefaultExport: the bundler gives a file's text as the default export.
  export default source
}
declare module '*.pl?raw' {
  const source: string
  // biome-ignore lint/style/noDefaultExport: the bundler gives a file's text as the default export.
  export default source
}
declare module '*.sh?raw' {
  const source: string
  // biome-ignore lint/style/noDefaultExport: the bundler gives a file's text as the default export.
  export default source
}
