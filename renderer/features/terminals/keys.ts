/** What a key means to the terminal itself, before its program sees it. */
export type TerminalKey = 'copy' | 'paste' | undefined

interface Press {
  readonly type: string
  readonly key: string
  readonly code: string
  readonly ctrlKey: boolean
  readonly shiftKey: boolean
  readonly altKey: boolean
  readonly metaKey: boolean
}

/**
 * The platform's keys for the clipboard. Control-C stays what it is to every program: an interrupt.
 */
export function terminalKey(press: Press, mac: boolean): TerminalKey {
  if (press.type !== 'keydown' || press.altKey) return undefined
  const { ctrlKey, shiftKey, metaKey, code, key } = press
  if (mac) {
    if (!metaKey || ctrlKey || shiftKey) return undefined
    return code === 'KeyC' ? 'copy' : code === 'KeyV' ? 'paste' : undefined
  }
  if (metaKey) return undefined
  if (ctrlKey && shiftKey) return code === 'KeyC' ? 'copy' : code === 'KeyV' ? 'paste' : undefined
  if (key === 'Insert') {
    if (ctrlKey && !shiftKey) return 'copy'
    if (shiftKey && !ctrlKey) return 'paste'
  }
  return undefined
}
