import { app, BrowserWindow, nativeTheme, screen, type WebContents } from 'electron'
import type { WindowCommand } from '#contract'
import { ASSISTIVE_CHANNEL, WINDOW_COMMAND_CHANNEL } from '#contract/channels'
import { isPage, PAGE_URL } from './security'
import {
  MINIMUM_SIZE,
  placeWindow,
  readWindowState,
  type Theme,
  type WindowState,
  writeWindowState,
} from './window-state'

/** The page's own background, so that the window has its colour before the page has painted. */
const BACKGROUND = { light: '#ffffff', dark: '#101418' }
/** A page that dies more often than this within `CRASH_WINDOW` milliseconds is not loaded again by itself. */
const MAX_CRASHES = 3
const CRASH_WINDOW = 60_000
/** A page that has painted nothing after this many milliseconds is shown all the same, so that something is seen. */
const SHOW_AT_LATEST = 5_000

export interface WindowsOptions {
  readonly preload: string
  /** Path of the icon that Linux shows for the window; other systems take it from the app. */
  readonly icon: string
  readonly statePath: string
  readonly onError: (message: string, fields: Readonly<Record<string, unknown>>) => void
}

/** All windows of the app. They are alike: each shows the one page. */
export class Windows {
  readonly #options: WindowsOptions
  readonly #windows = new Set<BrowserWindow>()
  /** Pages that have asked for the engine, and so listen. */
  readonly #listening = new WeakSet<WebContents>()
  readonly #waiting = new WeakMap<WebContents, WindowCommand[]>()
  #state: WindowState
  #saved: Promise<void> = Promise.resolve()

  constructor(options: WindowsOptions) {
    this.#options = options
    this.#state = readWindowState(options.statePath)
    nativeTheme.themeSource = this.#state.theme
    nativeTheme.on('updated', () => {
      for (const window of this.#windows) window.setBackgroundColor(background())
    })
    app.on('accessibility-support-changed', (_event, on) => {
      for (const { webContents } of this.#windows)
        if (this.#listening.has(webContents)) webContents.send(ASSISTIVE_CHANNEL, on)
    })
  }

  /** Whether these contents are the page of one of the windows. */
  owns(contents: WebContents): boolean {
    for (const window of this.#windows) if (window.webContents === contents) return true
    return false
  }

  list(): readonly BrowserWindow[] {
    return [...this.#windows]
  }

  open(): BrowserWindow {
    const displays = [screen.getPrimaryDisplay(), ...screen.getAllDisplays()]
    const place = placeWindow(
      this.#windows.size === 0 ? this.#state.bounds : undefined,
      displays.map((display) => display.workArea),
    )
    const window = new BrowserWindow({
      ...place,
      minWidth: MINIMUM_SIZE.width,
      minHeight: MINIMUM_SIZE.height,
      show: false,
      title: 'Berth',
      backgroundColor: background(),
      autoHideMenuBar: true,
      ...(process.platform === 'linux' ? { icon: this.#options.icon } : {}),
      webPreferences: {
        preload: this.#options.preload,
        sandbox: true,
        contextIsolation: true,
        nodeIntegration: false,
        nodeIntegrationInWorker: false,
        nodeIntegrationInSubFrames: false,
        webSecurity: true,
        allowRunningInsecureContent: false,
        webviewTag: false,
        navigateOnDragDrop: false,
        spellcheck: false,
        // The second start is warm already, not only the third.
        v8CacheOptions: 'bypassHeatCheck',
      },
    })
    this.#windows.add(window)
    const show = () => {
      clearTimeout(timer)
      if (window.isDestroyed() || window.isVisible()) return
      if (this.#state.maximized) window.maximize()
      window.show()
    }
    const timer = setTimeout(show, SHOW_AT_LATEST)
    window.once('ready-to-show', show)
    window.on('close', () => this.#remember(window))
    window.on('closed', () => {
      clearTimeout(timer)
      this.#windows.delete(window)
    })
    this.#mendCrashes(window)
    this.#load(window)
    return window
  }

  /** Brings a window to the front, or opens one. */
  show(): BrowserWindow {
    const window = this.list()[0] ?? this.open()
    if (window.isMinimized()) window.restore()
    if (window.isVisible()) window.focus()
    return window
  }

  /** Asks the window in front to show something, as soon as its page listens. */
  command(command: WindowCommand): void {
    const contents = (BrowserWindow.getFocusedWindow() ?? this.show()).webContents
    if (this.#listening.has(contents)) contents.send(WINDOW_COMMAND_CHANNEL, command)
    else this.#waiting.set(contents, [...(this.#waiting.get(contents) ?? []), command])
  }

  /** The page has loaded and listens. */
  listening(contents: WebContents): void {
    this.#listening.add(contents)
    contents.send(ASSISTIVE_CHANNEL, app.accessibilitySupportEnabled === true)
    for (const command of this.#waiting.get(contents) ?? []) contents.send(WINDOW_COMMAND_CHANNEL, command)
    this.#waiting.delete(contents)
  }

  /** The app ends: takes the windows out of sight, and resolves when their places are saved. */
  leave(): Promise<void> {
    for (const window of this.#windows) {
      this.#remember(window)
      window.hide()
    }
    return this.#saved
  }

  setTheme(theme: Theme): void {
    nativeTheme.themeSource = theme
    if (theme !== this.#state.theme) this.#save({ ...this.#state, theme })
  }

  #load(window: BrowserWindow): void {
    // A page that cannot be loaded paints nothing; the window is shown all the same after SHOW_AT_LATEST.
    window.loadURL(PAGE_URL).catch((error: unknown) => {
      this.#options.onError('The page could not be loaded', { detail: String(error) })
    })
  }

  #remember(window: BrowserWindow): void {
    this.#save({ ...this.#state, bounds: window.getNormalBounds(), maximized: window.isMaximized() })
  }

  #save(state: WindowState): void {
    this.#state = state
    this.#saved = this.#saved
      .then(() => writeWindowState(this.#options.statePath, state))
      .catch((error: unknown) =>
        this.#options.onError('The window’s place could not be saved', { detail: String(error) }),
      )
  }

  #mendCrashes(window: BrowserWindow): void {
    let crashes: number[] = []
    window.webContents.on('did-start-navigation', (details) => {
      if (details.isMainFrame && !details.isSameDocument) this.#listening.delete(window.webContents)
    })
    // A few addresses (about:blank) cannot be refused beforehand. The window shows our page or nothing.
    window.webContents.on('did-navigate', (_event, url) => {
      if (isPage(url)) return
      this.#options.onError('The window left its page and was brought back', { url: url.slice(0, 200) })
      this.#load(window)
    })
    window.webContents.on('render-process-gone', (_event, details) => {
      if (details.reason === 'clean-exit') return
      this.#options.onError('The page’s process ended', {
        reason: details.reason,
        exitCode: details.exitCode,
      })
      crashes = [...crashes.filter((time) => Date.now() - time < CRASH_WINDOW), Date.now()]
      if (crashes.length <= MAX_CRASHES) window.webContents.reload()
    })
  }
}

function background(): string {
  return nativeTheme.shouldUseDarkColors ? BACKGROUND.dark : BACKGROUND.light
}
