import { readFileSync } from 'node:fs'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

export interface Rectangle {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export type Theme = 'system' | 'light' | 'dark'

/** What the window looked like last time; needed before anything else can be asked, so it has a file of its own. */
export interface WindowState {
  readonly bounds?: Rectangle
  readonly maximized: boolean
  readonly theme: Theme
}

const fresh: WindowState = { maximized: false, theme: 'system' }

/** The smallest window that Berth is laid out for, in device-independent pixels. */
export const MINIMUM_SIZE = { width: 900, height: 560 }
const DEFAULT_SIZE = { width: 1280, height: 820 }
/** How much of the window's upper edge must be on a display for it to be grabbed there. */
const GRIP = { width: 120, height: 32 }

/** Reads the file; whatever is missing, unreadable or odd in it counts as never written. */
export function readWindowState(path: string): WindowState {
  try {
    return parseWindowState(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    // No file yet, or not ours: the window opens as on the first day.
    return fresh
  }
}

export function parseWindowState(value: unknown): WindowState {
  if (typeof value !== 'object' || value === null) return fresh
  const { bounds, maximized, theme } = value as Record<string, unknown>
  return {
    ...(isRectangle(bounds) ? { bounds } : {}),
    maximized: maximized === true,
    theme: theme === 'light' || theme === 'dark' ? theme : 'system',
  }
}

/** Replaces the file whole, so that a reader never sees half of it. */
export async function writeWindowState(path: string, state: WindowState): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(`${path}.new`, JSON.stringify(state))
  await rename(`${path}.new`, path)
}

/**
 * Where to open the window: where it was, if its upper edge can still be grabbed on a display that is there now, and
 * no larger than that display; else centred by the system (no position) at the usual size.
 */
export function placeWindow(
  bounds: Rectangle | undefined,
  workAreas: readonly Rectangle[],
): Partial<Rectangle> & { readonly width: number; readonly height: number } {
  const area = bounds && workAreas.find((candidate) => grips(bounds, candidate))
  if (!bounds || !area) {
    const largest = workAreas[0]
    return {
      width: Math.min(DEFAULT_SIZE.width, largest?.width ?? DEFAULT_SIZE.width),
      height: Math.min(DEFAULT_SIZE.height, largest?.height ?? DEFAULT_SIZE.height),
    }
  }
  return {
    x: bounds.x,
    y: bounds.y,
    width: Math.max(MINIMUM_SIZE.width, Math.min(bounds.width, area.width)),
    height: Math.max(MINIMUM_SIZE.height, Math.min(bounds.height, area.height)),
  }
}

function grips(bounds: Rectangle, area: Rectangle): boolean {
  const width = Math.min(bounds.x + bounds.width, area.x + area.width) - Math.max(bounds.x, area.x)
  const above = bounds.y - area.y
  return width >= GRIP.width && above >= 0 && above <= area.height - GRIP.height
}

function isRectangle(value: unknown): value is Rectangle {
  if (typeof value !== 'object' || value === null) return false
  const { x, y, width, height } = value as Record<string, unknown>
  return (
    [x, y, width, height].every((side) => Number.isSafeInteger(side)) &&
    Number(width) > 0 &&
    Number(height) > 0
  )
}
