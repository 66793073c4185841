import { useCallback, useEffect, useRef, useState } from 'react'
import { create } from 'zustand'
import type { FolderListing, Problem } from '#contract'
import { request } from '../../lib/engine'

/** Where the user last was in each workspace, and whether hidden files are shown. */
const usePlaces = create<{ readonly paths: Readonly<Record<string, string>>; readonly hidden: boolean }>(
  () => ({
    paths: {},
    hidden: false,
  }),
)

export interface Folder {
  /** Where the user is, or wants to be; undefined before the workspace folder is known. */
  readonly path: string | undefined
  /** What is there; of the folder before, while another one is being read. */
  readonly listing: FolderListing | undefined
  readonly problem: Problem | undefined
  readonly busy: boolean
  readonly go: (path: string) => void
  readonly reload: () => void
}

/** A folder of a workspace, read anew whenever the user goes elsewhere, or the workspace comes up. */
export function useFolder(workspaceId: string, incarnation: string | undefined): Folder {
  const path = usePlaces(({ paths }) => paths[workspaceId])
  const [turn, setTurn] = useState(0)
  const [state, setState] = useState<Pick<Folder, 'listing' | 'problem' | 'busy'>>({
    listing: undefined,
    problem: undefined,
    busy: true,
  })
  const latest = useRef(0)
  // biome-ignore lint/correctness/useExhaustiveDependencies: each turn, and each run of the workspace, is read anew
  useEffect(() => {
    if (incarnation === undefined) return
    latest.current += 1
    const mine = latest.current
    setState((before) => ({ ...before, busy: true }))
    void request('files.list', { workspaceId, ...(path !== undefined && { path }) }).then((result) => {
      if (mine !== latest.current) return
      if (result.ok) setState({ listing: result.value, problem: undefined, busy: false })
      else setState({ listing: undefined, problem: result.problem, busy: false })
    })
    return () => {
      latest.current += 1
    }
  }, [workspaceId, incarnation, path, turn])
  const go = useCallback(
    (to: string) => {
      usePlaces.setState(({ paths }) => ({ paths: { ...paths, [workspaceId]: to } }))
    },
    [workspaceId],
  )
  const reload = useCallback(() => setTurn((before) => before + 1), [])
  return { path: path ?? state.listing?.path, ...state, go, reload }
}

export function useHidden(): readonly [boolean, () => void] {
  const hidden = usePlaces((state) => state.hidden)
  return [hidden, () => usePlaces.setState({ hidden: !hidden })]
}
