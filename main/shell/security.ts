import { app, type Session } from 'electron'
import { WINDOW_ORIGIN } from '#contract/channels'

/** Called for whatever was refused, with what was wanted. */
export type Refused = (what: string, fields: Readonly<Record<string, unknown>>) => void

/** The one address that a window of ours shows. */
export const PAGE_URL = `${WINDOW_ORIGIN}/index.html`

/** Schemes of what a page loads without leaving this machine; `devtools` serves the developer tools themselves. */
const localSchemes = new Set(['app:', 'data:', 'blob:', 'devtools:', 'chrome-extension:'])

/**
 * Applies to every page that will ever be in this process, whoever makes it: no navigation away, no new windows, no
 * embedded browsers.
 */
export function guardWebContents(refused: Refused): void {
  app.on('web-contents-created', (_event, contents) => {
    // A reload by the page itself navigates to the page itself; nothing else does.
    contents.on('will-navigate', (event) => {
      if (isPage(event.url) && isPage(contents.getURL())) return
      event.preventDefault()
      refused('navigation', { url: shortened(event.url) })
    })
    contents.on('will-frame-navigate', (event) => {
      if (event.isMainFrame) return
      event.preventDefault()
      refused('frame navigation', { url: shortened(event.url) })
    })
    contents.on('will-redirect', (event) => {
      event.preventDefault()
      refused('redirect', { url: shortened(event.url) })
    })
    contents.on('will-attach-webview', (event) => {
      event.preventDefault()
      refused('webview', {})
    })
    contents.setWindowOpenHandler(({ url }) => {
      refused('window.open', { url: shortened(url) })
      return { action: 'deny' }
    })
  })
}

/** No permission but writing to the clipboard, no download, nothing from the network. */
export function guardSession(session: Session, refused: Refused): void {
  const allowed = (permission: string, origin: string) =>
    permission === 'clipboard-sanitized-write' && origin === WINDOW_ORIGIN
  session.setPermissionRequestHandler((_contents, permission, answer, details) => {
    const grant = allowed(permission, originOf(details.requestingUrl))
    if (!grant) refused('permission', { permission })
    answer(grant)
  })
  session.setPermissionCheckHandler((_contents, permission, origin) => allowed(permission, originOf(origin)))
  session.setDevicePermissionHandler(() => false)
  session.on('will-download', (event, item) => {
    event.preventDefault()
    refused('download', { url: shortened(item.getURL()) })
  })
  // The content policy says the same to the page; this holds whatever the page manages to do with it.
  session.webRequest.onBeforeRequest((details, answer) => {
    const cancel = !localSchemes.has(schemeOf(details.url))
    if (cancel) refused('request', { url: shortened(details.url) })
    answer({ cancel })
  })
}

/** Electron hands over some origins with a closing slash. */
function originOf(url: string): string {
  return url === WINDOW_ORIGIN || url.startsWith(`${WINDOW_ORIGIN}/`) ? WINDOW_ORIGIN : url
}

/** Whether an address is that of our page; a fragment is the page's own affair. */
export function isPage(url: string): boolean {
  return url.split('#', 1)[0] === PAGE_URL
}

function schemeOf(url: string): string {
  return url.slice(0, url.indexOf(':') + 1)
}

function shortened(url: string): string {
  return url.slice(0, 200)
}
