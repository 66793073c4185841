import { create } from 'zustand'
import type { Operation, Prebuild, RequestInput, RequestOutput, Result, Source, Target } from '#contract'
import { request } from './engine'

export type PrebuildWish = RequestInput<'prebuilds.create'>

/** What this window asked for, by operation, so that what failed can be asked for again. */
const asked = new Map<string, PrebuildWish>()

export async function makePrebuild(wish: PrebuildWish): Promise<Result<RequestOutput<'prebuilds.create'>>> {
  const result = await request('prebuilds.create', wish)
  if (result.ok) asked.set(result.value.operationId, wish)
  return result
}

/** Undefined where another window, or program, asked for it. */
export function prebuildWishOf({ id }: Pick<Operation, 'id'>): PrebuildWish | undefined {
  return asked.get(id)
}

/** The one of a source that is being made on a target, as far as this window asked for it. */
export function prebuildUnderWay(
  operations: readonly Operation[],
  source: Source | undefined,
  targetId: string | undefined,
): Operation | undefined {
  const key = JSON.stringify(source)
  return operations.find(
    (one) =>
      one.kind === 'prebuild' &&
      one.state === 'running' &&
      one.targetId === targetId &&
      JSON.stringify(asked.get(one.id)?.source) === key,
  )
}

/** Asks for what a prebuild was made of once more, on the newest of everything. */
export function wishAgain({ targetId, url, ref, definitionPath, otherImage }: Prebuild): PrebuildWish {
  return {
    targetId,
    source: {
      kind: 'git',
      url,
      ...(ref !== undefined && {
        ref: /^[0-9a-f]{40,64}$/.test(ref)
          ? ({ kind: 'commit', id: ref } as const)
          : ({ kind: 'branch', name: ref } as const),
      }),
    },
    ...(definitionPath !== undefined && { definitionPath }),
    ...(otherImage !== undefined && { image: otherImage }),
    force: true,
  }
}

/** Whether there may be prebuilds for a target; where it is not known now, asking for one tells. */
export function mayHavePrebuilds({ state, capabilities }: Pick<Target, 'state' | 'capabilities'>): boolean {
  return state === 'ready' && capabilities?.prebuilds !== false
}

/** What the dialog for a new prebuild begins with; undefined: it is closed. */
export const useNewPrebuild = create<{ readonly begin: Partial<PrebuildWish> | undefined }>(() => ({
  begin: undefined,
}))

export function askForPrebuild(begin: Partial<PrebuildWish> = {}): void {
  useNewPrebuild.setState({ begin })
}
