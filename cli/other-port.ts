import type { Engine } from '../main/engine/engine'
import type { CommandContext } from './execute'

/** Says that a port's own number could not be had on this machine, where that is so. */
export function sayOtherLocalPort(context: CommandContext, port: number, local: number): void {
  if (local !== port)
    context.say(`Port ${port} of this machine cannot be had; ${local} leads to the workspace's ${port}.`)
}

/** Says that URLs have another port than the settings ask for, where that is so. */
export function sayOtherRouterPort(context: CommandContext, engine: Engine): void {
  const wanted = engine.collections.settings.get('settings')?.value.routerPort
  const got = engine.collections.engine.get('engine')?.routerPort
  if (got !== undefined && wanted !== undefined && wanted !== 0 && wanted !== got)
    context.say(`Port ${wanted} of this machine cannot be had; URLs have ${got}.`)
}
