/**
 * Ends this process, as SIGTERM does, once what started it is gone: npm runs scripts through a shell, which dies of a
 * signal without passing it on, and would leave us serving for nobody.
 */
export function endWithParent() {
  if (!process.env.npm_lifecycle_event || process.platform === 'win32') return
  const parent = process.ppid
  setInterval(() => {
    if (process.ppid !== parent) process.kill(process.pid, 'SIGTERM')
  }, 500).unref()
}
