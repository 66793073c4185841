import { create } from 'zustand'
import type { Problem } from '#contract'

/** A short message at the window's edge. It never holds the only way to do something. */
export interface Notice {
  readonly id: number
  readonly tone: 'plain' | 'good' | 'bad'
  readonly title: string
  readonly text?: string
  readonly action?: { readonly label: string; readonly run: () => void }
  /** A Problem is opened in full from its notice. */
  readonly problem?: Problem
}

interface Notices {
  readonly list: readonly Notice[]
}

/** How many are shown at once; older ones give way. */
const SHOWN = 4

export const useNotices = create<Notices>(() => ({ list: [] }))

let nextId = 1

export function notify(notice: Omit<Notice, 'id'>): void {
  const id = nextId++
  useNotices.setState(({ list }) => ({ list: [...list, { ...notice, id }].slice(-SHOWN) }))
}

/** Tells of a failure that has no place of its own on the page. */
export function notifyProblem(problem: Problem): void {
  if (problem.code === 'cancelled') return
  notify({ tone: 'bad', title: problem.title, text: problem.cause, problem })
}

export function dismissNotice(id: number): void {
  useNotices.setState(({ list }) => ({ list: list.filter((notice) => notice.id !== id) }))
}
