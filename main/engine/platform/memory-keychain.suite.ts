import type { Keychain } from './keychain'

/** Keeps secrets in memory, for tests of what does not care where they are kept. */
export function memoryKeychain(): Keychain & { readonly kept: ReadonlyMap<string, string> } {
  const kept = new Map<string, string>()
  return {
    kept,
    get: async (name) => kept.get(name),
    set: async (name, secret) => {
      kept.set(name, secret)
    },
    remove: async (name) => {
      kept.delete(name)
    },
  }
}
