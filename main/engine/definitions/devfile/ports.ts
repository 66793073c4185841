import type { Definition, PortAttributes } from '#contract'
import type { ContainerComponent } from './components'
import type { Endpoint } from './endpoints'

/**
 * What the endpoints of all containers come to: they share a network, so a port is the same one whichever container
 * states it. A public one is forwarded, an internal one too but without a notice, and one that is not exposed is left
 * alone. `containers` has the workspace's own first.
 */
export function planPorts(
  containers: readonly ContainerComponent[],
): Pick<Definition, 'forwardPorts' | 'portsAttributes'> {
  const forwardPorts: number[] = []
  const portsAttributes: Record<string, PortAttributes> = {}
  const owners = new Map<number, string>()
  const labels = new Map<number, string>()
  for (const { name, endpoints } of containers) {
    for (const endpoint of endpoints) {
      const { port, at } = endpoint
      if (endpoint.protocol === 'udp') continue
      const owner = owners.get(port)
      if (owner !== undefined && owner !== name) {
        at.ignore(
          `the container "${owner}" states the port ${port} too, and they share a network: only one can listen on it`,
        )
        continue
      }
      owners.set(port, name)
      const label = labels.get(port)
      if (label !== undefined) {
        at.ignore(`the port ${port} is "${label}" already`)
        // Whoever exposes it at all wants it exposed.
        if (endpoint.exposure === 'none' || forwardPorts.includes(port)) continue
      }
      labels.set(port, label ?? endpoint.name)
      if (endpoint.exposure !== 'none') forwardPorts.push(port)
      portsAttributes[String(port)] = attributesOf(endpoint, label ?? endpoint.name)
    }
  }
  return { forwardPorts, portsAttributes }
}

function attributesOf({ protocol, exposure, path }: Endpoint, label: string): PortAttributes {
  const spoken = protocol === 'tcp' ? 'tcp' : protocol === undefined ? undefined : 'http'
  const onAutoForward = exposure === 'none' ? 'ignore' : exposure === 'internal' ? 'silent' : 'notify'
  return { label, ...(spoken && { protocol: spoken }), ...(path && { path }), onAutoForward }
}
