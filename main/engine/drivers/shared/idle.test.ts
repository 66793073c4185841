import { describe, expect, it } from 'vitest'
import type { Definition } from '#contract'
import { commandAfterEntrypoints, entrypointsBeside } from './idle'

const definition = (fields: Partial<Definition>) => fields as Definition
const featureEntrypoints = ['/a.sh', '/b.sh']
const runs = { entrypoint: ['/image', 'x'], command: ['serve'] }
const script = (last: string) => ['/bin/sh', '-c', `/a.sh\n/b.sh\n${last}`, 'berth']

describe("what Features want to have run where the image's own command runs", () => {
  it.each([
    [{}, { runs }, ['/image', 'x', 'serve']],
    [{ command: ['other'] }, { runs }, ['/image', 'x', 'other']],
    [{ entrypoint: ['/mine'] }, { runs }, ['/mine']],
    [{ entrypoint: ['/mine'], command: ['y'] }, {}, ['/mine', 'y']],
  ])('comes first, and the command in its place: %j', (fields, image, own) => {
    expect(
      commandAfterEntrypoints(definition({ featureEntrypoints, ...fields }), { hasShell: true, ...image }),
    ).toEqual([...script('exec "$@"'), ...own])
  })

  it('keeps a container that has no command at all', () => {
    const made = commandAfterEntrypoints(definition({ featureEntrypoints }), {
      hasShell: true,
      runs: { entrypoint: [], command: [] },
    })
    expect(made?.[2]).toMatch(/^\/a\.sh\n\/b\.sh\ntrap .*while/)
  })

  it('is begun beside a command that nobody knows', () => {
    const made = definition({ featureEntrypoints, command: ['y'] })
    expect(commandAfterEntrypoints(made, { hasShell: true })).toBeUndefined()
    expect(entrypointsBeside(made, { hasShell: true })?.[2]).toMatch(/^\(\n\/a\.sh\n\/b\.sh\n\).* &$/)
  })

  it('is nothing where no Feature asks for it, or no shell could run it', () => {
    expect(commandAfterEntrypoints(definition({}), { hasShell: true, runs })).toBeUndefined()
    expect(entrypointsBeside(definition({}), { hasShell: true })).toBeUndefined()
    expect(
      commandAfterEntrypoints(definition({ featureEntrypoints }), { hasShell: false, runs }),
    ).toBeUndefined()
    expect(entrypointsBeside(definition({ featureEntrypoints }), { hasShell: false })).toBeUndefined()
  })
})
