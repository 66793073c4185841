import { AsyncLocalStorage } from 'node:async_hooks'
import type { ImageAliases, Settings } from '#contract'
import { type Aliased, aliasOf } from '../platform/image-aliases'
import type { SettingsStore } from '../platform/platform'

/** Mirrors of the team for whatever is done within, as deep as it goes. */
const scope = new AsyncLocalStorage<ImageAliases>()

/** Images are got by a team's mirrors while `action` is under way, whoever gets them. */
export function withinMirrors<T>(mirrors: ImageAliases, action: () => Promise<T>): Promise<T> {
  return Object.keys(mirrors).length === 0 ? action() : scope.run(mirrors, action)
}

/** Settings that have the team's mirrors among the aliases of images, where an action is under way that has such. */
export function withTeamMirrors(settings: SettingsStore): SettingsStore {
  return {
    get: () => {
      const own = settings.get()
      const mirrors = scope.getStore()
      return mirrors ? mirrored(own, mirrors) : own
    },
    change: (fields) => settings.change(fields),
    onChange: (listener) => settings.onChange(listener),
  }
}

function mirrored(settings: Settings, mirrors: ImageAliases): Settings {
  return { ...settings, imageAliases: joinedAliases(settings.imageAliases, mirrors) }
}

/** The user's own aliases but for those of images that the team has a mirror for, and the mirrors. */
export function joinedAliases(own: ImageAliases, mirrors: ImageAliases): ImageAliases {
  const kept = Object.entries(own).filter(([from]) => !isCovered(from, mirrors))
  return { ...Object.fromEntries(kept), ...mirrors }
}

function isCovered(from: string, mirrors: ImageAliases): boolean {
  return aliasOf(from.endsWith('/') ? `${from}x` : from, mirrors) !== undefined
}

/** What an image is got as: by a mirror of the team, else by an alias of the user's own. */
export function wayTo(
  image: string,
  own: ImageAliases,
  mirrors: ImageAliases,
): { readonly mirror?: Aliased; readonly alias?: Aliased } {
  const mirror = aliasOf(image, mirrors)
  if (mirror) return { mirror }
  const alias = aliasOf(image, joinedAliases(own, mirrors))
  return alias ? { alias } : {}
}
