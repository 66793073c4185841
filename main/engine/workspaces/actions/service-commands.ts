import { type NotApplied, oneShots, type Service } from '#contract'
import type { Driver } from '../../drivers/driver'
import { readImageCommand } from '../../features/index'
import type { ActionContext } from './context'
import type { Prepared } from './image'

/**
 * A definition whose services that are to run once say what they run, where that is their image's own command: a cluster
 * starts again whatever ends, and has to be given a command that does not. The images' registries are asked for it.
 * What cannot be kept from running again is named.
 */
export async function withServiceCommands(
  { platform }: Pick<ActionContext, 'platform'>,
  driver: Pick<Driver, 'cluster'>,
  prepared: Prepared,
  signal: AbortSignal,
): Promise<Prepared> {
  const { definition, image } = prepared
  if (!driver.cluster) return prepared
  const shots = oneShots(definition)
  const named: NotApplied[] = []
  const services = await Promise.all(
    definition.services.map(async (service): Promise<Service> => {
      const { name } = service
      const hasShell = image.shells?.[name]
      // Of others nobody has looked whether they have a shell: what they do is of no consequence to anyone.
      if (shots.get(name) !== 'beside' || hasShell === undefined) return service
      const tell = (why: string) =>
        named.push({
          field: `services.${name}`,
          reason: `on a cluster it runs again and again, since ${why}`,
        })
      if (!hasShell) tell('its image has no shell that could keep it from doing so')
      if (!hasShell || service.entrypoint) return service
      try {
        const own = await readImageCommand(image.services[name] ?? '', platform, signal)
        const command = service.command ?? own.command
        if (own.entrypoint.length + command.length === 0) return service
        const [entrypoint, rest] = own.entrypoint.length > 0 ? [own.entrypoint, command] : [command, []]
        const { command: _, ...others } = service
        return { ...others, entrypoint: [...entrypoint], ...(rest.length > 0 && { command: [...rest] }) }
      } catch (error) {
        signal.throwIfAborted()
        platform.logger.warn('The command of an image is not known', { error: String(error) })
        tell('its registry could not be asked what its image runs; name its "entrypoint" in the Compose file')
        return service
      }
    }),
  )
  const known = definition.notApplied.filter(({ field }) => !named.some((one) => one.field === field))
  return {
    ...prepared,
    definition: { ...definition, services, notApplied: [...known, ...named] },
  }
}
