import type { Page } from 'playwright-core'

export async function focus(page: Page): Promise<void> {
  await page.locator('.xterm:visible').first().locator('.xterm-helper-textarea').focus()
}

/** Types a line into the terminal in view. */
export async function type(page: Page, line: string): Promise<void> {
  await focus(page)
  await page.keyboard.type(line)
  await page.keyboard.press('Enter')
}

/**
 * Starts in the page what waits for a key and its effect. It is there when this returns: a key that is pressed while
 * the page is still being told may overtake that. {@link heard} waits for what it comes to.
 *
 * @param start runs in the page, with `argument` and nothing of its surroundings
 */
export async function listenFor(
  page: Page,
  argument: string,
  start: (argument: string) => Promise<number>,
): Promise<void> {
  await page.evaluate(`void (globalThis.benchHeard = (${start.toString()})(${JSON.stringify(argument)}))`)
}

export function heard(page: Page): Promise<number> {
  return page.evaluate(() => (globalThis as unknown as { benchHeard: Promise<number> }).benchHeard)
}
