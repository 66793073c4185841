import type { Side } from './panes'
import type { TerminalSettings } from './terminal-screen'

/**
 * About the size that a terminal will have, in cells; the true one follows when it is on the page.
 *
 * @param place beside which other one it is, whose room it shares
 */
export function guessSize(
  area: HTMLElement | null,
  settings: TerminalSettings | undefined,
  place?: { readonly beside: string; readonly side: Side },
) {
  const fontSize = settings?.fontSize ?? 13
  const within = (value: number, least: number) => Math.min(Math.max(Math.floor(value), least), 2000)
  const cells = (width: number, height: number) =>
    [(width - 28) / (fontSize * 0.602), (height - 48) / (fontSize * 1.4)] as const
  const shared = place && area?.querySelector<HTMLElement>(`[data-pane="${place.beside}"]`)
  if (shared) {
    const isAcross = place.side === 'left' || place.side === 'right'
    const [columns, rows] = cells(
      shared.clientWidth / (isAcross ? 2 : 1),
      shared.clientHeight / (isAcross ? 1 : 2),
    )
    return { columns: within(columns, 10), rows: within(rows, 4) }
  }
  const [columns, rows] = cells(area?.clientWidth ?? 0, area?.clientHeight ?? 0)
  return { columns: within(columns, 80), rows: within(rows, 24) }
}
