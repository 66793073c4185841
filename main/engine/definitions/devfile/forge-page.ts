/**
 * The address of the file itself where an address is that of the page on which a forge shows it: people name what their
 * browser has. Others stay as they are.
 */
export function fileOfPage(address: string): string {
  const url = new URL(address)
  const { hostname, pathname } = url
  if (hostname === 'github.com' || hostname === 'www.github.com') {
    const page = /^\/([^/]+\/[^/]+)\/blob\/([^/]+\/.+)$/.exec(pathname)
    if (page) return `https://raw.githubusercontent.com/${page[1]}/${page[2]}${url.search}`
  }
  // GitLab, wherever it runs.
  else if (/^\/.+\/-\/blob\/[^/]+\/./.test(pathname)) url.pathname = pathname.replace('/-/blob/', '/-/raw/')
  else if (hostname === 'bitbucket.org') {
    url.pathname = pathname.replace(/^(\/[^/]+\/[^/]+)\/src\/(?=[^/]+\/.)/, '$1/raw/')
  }
  return url.href
}
