/** One name for a repository, whichever of the ways to it somebody takes: `github.com/owner/project`. */
export function repositoryOf(url: string): string {
  const plain = (host: string, path: string) =>
    `${host.toLowerCase()}/${path.replace(/^\/+|\/+$/g, '').replace(/\.git$/, '')}`
  const written = /^(?:https?|ssh|git):\/\/(?:[^@/]*@)?([^/]+)\/(.*)$/i.exec(url)
  if (written) return plain((written[1] ?? '').replace(/:(?:22|80|443|9418)$/, ''), written[2] ?? '')
  const short = /^(?:[^@/:]+@)?([^/:]+):(?!\/\/)(.*)$/.exec(url)
  return short ? plain(short[1] ?? '', short[2] ?? '') : url
}
