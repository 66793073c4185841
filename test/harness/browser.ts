import { existsSync } from 'node:fs'
import http from 'node:http'
import { type Browser, chromium, type Locator, type Page, type Request } from 'playwright-core'
import { PATIENCE } from './bounds'

/** Chromium as a person has it: it knows nothing of Berth but the URL. Undefined where there is none. */
export const browserPath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  existsSync,
)

export function launchBrowser(): Promise<Browser> {
  if (!browserPath) throw new Error('this machine has no Chromium (apt-get install chromium)')
  return chromium.launch({
    executablePath: browserPath,
    args: [
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

/**
 * What Chromium says of requests that it gave up because an interface of the machine came or went, as one does with
 * each container that starts or stops. It strikes all that wait for a connection, to whatever address, and leaves a
 * page that stays half loaded for ever.
 */
const NETWORK_CHANGED = 'net::ERR_NETWORK_CHANGED'

/** A page that is opened, and what went wrong in it. */
export interface OpenedPage {
  readonly page: Page
  /** Addresses of its WebSockets, each once something came over it: only then is it known to be open. */
  readonly sockets: readonly string[]
  /** Errors of its scripts that nobody caught. */
  readonly errors: readonly string[]
}

/**
 * Opens an address in a new page and waits until the page shows what `ready` says: an app has to
 * be up before ({@link untilOk}). Opens it again where containers that start or stop beside the test broke it, and for
 * no other reason.
 */
export async function openPage(
  browser: Browser,
  url: string,
  ready: (page: Page) => Locator,
): Promise<OpenedPage> {
  for (;;) {
    const page = await browser.newPage()
    page.setDefaultTimeout(PATIENCE)
    const sockets: string[] = []
    const errors: string[] = []
    page.on('websocket', (socket) => socket.once('framereceived', () => sockets.push(socket.url())))
    page.on('pageerror', (error) => errors.push(`${url}: ${error.message}`))
    if (await shows(page, url, ready)) return { page, sockets, errors }
    // Not by another load of the same page: one that is half there may ask whether it may be left.
    await page.close()
  }
}

/** False when the load was broken by a change of the machine's interfaces. */
async function shows(page: Page, url: string, ready: (page: Page) => Locator): Promise<boolean> {
  let onFailed: (request: Request) => void = () => undefined
  const broken = new Promise<false>((resolve) => {
    onFailed = (request) => {
      if (request.failure()?.errorText === NETWORK_CHANGED) resolve(false)
    }
  })
  page.on('requestfailed', onFailed)
  const shown = page.goto(url).then(() => ready(page).waitFor())
  try {
    return await Promise.race([broken, shown.then(() => true)])
  } catch (error) {
    if (error instanceof Error && error.message.includes(NETWORK_CHANGED)) return false
    throw error
  } finally {
    page.off('requestfailed', onFailed)
    shown.catch(() => undefined)
  }
}

/** Resolves once a forwarded port's URL answers 200, however long that takes. */
export async function untilOk(url: string): Promise<void> {
  while ((await status(url)) !== 200) await new Promise((resolve) => setTimeout(resolve, 100))
}

/** Rejects when there is no answer. `*.localhost` is not a name to every resolver: the address is 127.0.0.1. */
function status(url: string): Promise<number> {
  const { host, port, pathname, search } = new URL(url)
  return new Promise((resolve, reject) => {
    http
      .get(
        { host: '127.0.0.1', port, path: pathname + search, headers: { host }, agent: false },
        (response) => {
          response.resume()
          response.on('end', () => resolve(response.statusCode ?? 0))
          response.on('error', reject)
        },
      )
      .on('error', reject)
  })
}
