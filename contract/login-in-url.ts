/**
 * What is wrong with an address that has a login in it, as a sentence; undefined: it has none. A user alone is one for
 * the web, where tokens are written so, and belongs to the address for ssh.
 */
export function loginFault(url: string): string | undefined {
  const found = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#\\]*)@/.exec(url.trim())
  if (!found) return undefined
  const [, scheme = '', login = ''] = found
  const isUser = /^(?:git\+)?ssh$/i.test(scheme) && !login.includes(':')
  return isUser ? undefined : 'Leave the login out: git has its own.'
}
