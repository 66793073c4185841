declare module '*.cjs?raw' {
  const source: string
  export default source
}
declare module '*.py?raw' {
  const source: string
  export default source
}
declare module '*.pl?raw' {
  const source: string
  export default source
}
declare module '*.sh?raw' {
  const source: string
  export default source
}
