import type { Locator, Page } from 'playwright-core'
import { PATIENCE } from '../harness/bounds'

/** The window as a person uses it: by what it says, with the mouse and the keyboard. */
export class BerthPage {
  readonly page: Page

  constructor(page: Page) {
    this.page = page
  }

  /** From wherever the window is: gives a source and starts the creation. */
  async create(source: string, name?: string): Promise<void> {
    await this.giveSource(source)
    if (name) await this.page.getByLabel('Name', { exact: true }).fill(name)
    await this.page.getByRole('button', { name: 'Create workspace' }).click()
  }

  /** Gives a source on the page for new workspaces. */
  async giveSource(source: string): Promise<void> {
    await this.page
      .getByRole('navigation', { name: 'Main' })
      .getByRole('button', { name: 'New workspace' })
      .click()
    await this.page.getByRole('heading', { name: 'New workspace' }).waitFor()
    await this.sourceField().fill(source)
  }

  sourceField(): Locator {
    return this.page.getByLabel('Git URL, folder or image')
  }

  /** What the new workspace is going to be. */
  preview(): Locator {
    return this.page.getByRole('region', { name: 'What it will be' })
  }

  /** A step of the operation in view. */
  steps(): Locator {
    return this.page.getByRole('list', { name: 'Steps' }).getByRole('listitem')
  }

  /** The heading of the workspace in view, with its state. */
  async waitForState(state: string): Promise<void> {
    await this.page
      .getByRole('status')
      .getByText(state, { exact: true })
      .first()
      .waitFor({ timeout: 120_000 })
  }

  async go(view: 'Workspaces' | 'Targets' | 'Storage' | 'Settings'): Promise<void> {
    await this.page
      .getByRole('navigation', { name: 'Main' })
      .getByRole('button', { name: view })
      .first()
      .click()
  }

  async tab(name: 'Terminals' | 'Ports' | 'Files' | 'Logs' | 'Details'): Promise<void> {
    await this.page.getByRole('tab', { name }).click()
  }

  /** Chooses from the menu of the workspace in view. */
  async action(name: string): Promise<void> {
    await this.page.getByRole('button', { name: 'Workspace actions' }).click()
    await this.page.getByRole('menuitem', { name }).click()
  }

  /** Answers the dialog in front. */
  async confirm(button: string): Promise<void> {
    await this.page.getByRole('dialog').getByRole('button', { name: button }).click()
    await this.page.getByRole('dialog').waitFor({ state: 'detached' })
  }

  /** The row of a port in the list of ports. */
  port(number: number): Locator {
    return this.page
      .getByRole('list', { name: 'Ports' })
      .getByRole('listitem')
      .filter({ has: this.page.getByText(String(number), { exact: true }) })
  }

  /** Opens a terminal in the workspace in view, or goes to the one that opened by itself, and waits for its prompt. */
  async openTerminal(): Promise<void> {
    await this.tab('Terminals')
    const none = this.page.getByRole('heading', { name: 'No terminals' })
    const fresh = this.page.getByRole('button', { name: 'New terminal', disabled: false })
    // The button is there before the workspace runs, too, and cannot be pressed then.
    while (!(await this.terminal().isVisible()))
      if ((await none.isVisible()) && (await fresh.isVisible())) {
        await fresh.click()
        break
      } else await new Promise((resolve) => setTimeout(resolve, 20))
    await this.#live()
    await this.waitForPrompt()
  }

  /** Waits until the terminal in view has the shell's prompt in its last line. */
  waitForPrompt(): Promise<void> {
    return this.#until((text) => /[$#] *$/.test(text), 'a prompt')
  }

  /** The names of the terminals of the workspace in view. */
  terminalTabs(): Promise<string[]> {
    return this.page.getByRole('tablist', { name: 'Terminals' }).getByRole('tab').allInnerTexts()
  }

  /** The terminal in view. */
  terminal(): Locator {
    return this.page.locator('.xterm:visible').first()
  }

  /** Types a line into the terminal in view, as from a keyboard, and enters it. */
  async run(line: string): Promise<void> {
    await this.focusTerminal()
    await this.page.keyboard.type(line)
    await this.page.keyboard.press('Enter')
  }

  async press(key: string): Promise<void> {
    await this.focusTerminal()
    await this.page.keyboard.press(key)
  }

  async focusTerminal(): Promise<void> {
    await this.#live()
    await this.terminal().locator('.xterm-helper-textarea').focus()
  }

  /**
   * Waits until the terminal in view takes what is typed: one that is attached to again, since nobody saw it for a
   * while, does not before its screen is there, and one of a run before never does.
   */
  async #live(): Promise<void> {
    const pane = this.page.locator('[data-state]:has(.xterm)').first()
    const live = pane.and(this.page.locator('[data-state=live]'))
    await live.filter({ hasNotText: 'Reconnecting…' }).waitFor()
  }

  /** What the terminal in view shows, as text without the blanks at the ends of lines. */
  async terminalText(): Promise<string> {
    const rows = await this.terminal().locator('.xterm-rows > div').allTextContents()
    return rows
      .map((row) => row.replaceAll('\u00a0', ' ').trimEnd())
      .join('\n')
      .trimEnd()
  }

  /** Waits until the terminal in view shows a text. */
  async waitForText(text: string): Promise<void> {
    await this.#until((shown) => shown.includes(text), JSON.stringify(text))
  }

  async #until(holds: (text: string) => boolean, what: string): Promise<void> {
    const deadline = Date.now() + PATIENCE
    for (;;) {
      const text = await this.terminalText()
      if (holds(text)) return
      if (Date.now() > deadline) throw new Error(`The terminal does not show ${what}, but:\n${text}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}
