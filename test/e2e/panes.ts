import type { Locator } from 'playwright-core'
import { expect } from 'vitest'
import type { BerthPage } from './berth-page'

/** The terminals of the tab in front, from left to right and from top to bottom. */
export class Panes {
  readonly #window: () => BerthPage

  constructor(window: () => BerthPage) {
    this.#window = window
  }

  at(index: number): Locator {
    return this.#window().page.locator('[data-pane]').nth(index)
  }

  /** Where they are, in percent of their tab: left, top, width and height of each. */
  places(): Promise<readonly (readonly number[])[]> {
    return this.#window().page.evaluate(() =>
      [...document.querySelectorAll<HTMLElement>('[data-pane]')].map((pane) => {
        const box = pane.getBoundingClientRect()
        const whole = (pane.parentElement ?? pane).getBoundingClientRect()
        return [
          (box.left - whole.left) / whole.width,
          (box.top - whole.top) / whole.height,
          box.width / whole.width,
          box.height / whole.height,
        ].map((part) => Math.round(part * 100))
      }),
    )
  }

  /** Which one has the keyboard; -1: something else has. */
  focused(): Promise<number> {
    return this.#window().page.evaluate(() => {
      const pane = document.activeElement?.matches('.xterm-helper-textarea')
        ? document.activeElement.closest('[data-pane]')
        : null
      return pane ? [...document.querySelectorAll('[data-pane]')].indexOf(pane) : -1
    })
  }

  async text(index: number): Promise<string> {
    const rows = await this.at(index).locator('.xterm-rows > div').allTextContents()
    const lines = rows.map((row) => row.replaceAll('\u00a0', ' ').trimEnd())
    return lines.join('\n').trimEnd()
  }

  async waitForText(index: number, text: string | RegExp): Promise<void> {
    await expect.poll(() => this.text(index)).toMatch(text)
  }

  /** Types a line into whatever has the keyboard, and enters it. */
  async enter(line: string): Promise<void> {
    await this.#window().page.keyboard.type(line)
    await this.#window().page.keyboard.press('Enter')
  }

  divider(index: number): Locator {
    return this.#window()
      .page.getByRole('separator', { name: /^Between / })
      .nth(index)
  }

  /** What the pane ahead of a divider has of the two beside it, in percent. */
  async portion(divider: number): Promise<number> {
    return Number(await this.divider(divider).getAttribute('aria-valuenow'))
  }
}
