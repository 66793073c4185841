/** Says so where Node is too old, before something else fails for it. */
export function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  throw new Error(`Node ${process.versions.node} is too old: Berth needs 20.19 or newer, https://nodejs.org`)
}
