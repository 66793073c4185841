import { createServer } from 'node:net'
import { command, tryCommand } from '../command'
import { withLock } from '../lock'

/** The network of a cluster's pods. */
export interface PodNetwork {
  readonly bridge: string
  /** The machine's own address in it, from which pods are reached and at which they reach the machine. */
  readonly address: string
  /** CIDR. */
  readonly subnet: string
  /** CIDR, version 6: leads nowhere but to the other pods. */
  readonly subnet6: string
}

/** 24-bit networks within 10.213.0.0/16. */
const subnets = 256

/** Makes a bridge with a network that this machine does not use, and lets what is behind it out through the machine. */
export function makePodNetwork(bridge: string): Promise<PodNetwork> {
  return withLock('berth-test-pod-network', async () => {
    const routes = await command('ip', ['-4', '-o', 'route', 'show', 'table', 'all'])
    const first = Math.floor(Math.random() * subnets)
    for (let offset = 0; offset < subnets; offset++) {
      const number = (first + offset) % subnets
      const prefix = `10.213.${number}`
      if (routes.includes(`${prefix}.`)) continue
      const network = {
        bridge,
        address: `${prefix}.1`,
        subnet: `${prefix}.0/24`,
        subnet6: `fd00:213:0:${number.toString(16)}::/64`,
      }
      try {
        await command('ip', ['link', 'add', bridge, 'type', 'bridge'])
        await command('ip', ['address', 'add', `${network.address}/24`, 'dev', bridge])
        await command('ip', ['link', 'set', bridge, 'up'])
        for (const rule of rules(network)) await command('iptables', ['-w', ...at(rule, '-I')])
      } catch (error) {
        await removePodNetwork(network)
        throw error
      }
      return network
    }
    throw new Error('every network within 10.213.0.0/16 is in use')
  })
}

/** Takes away what {@link makePodNetwork} made, as far as it is there. */
export async function removePodNetwork(network: PodNetwork): Promise<void> {
  for (const rule of rules(network)) await tryCommand('iptables', ['-w', ...at(rule, '-D')])
  await tryCommand('ip', ['link', 'delete', network.bridge])
}

/**
 * An engine that a person runs on this machine drops what it does not know, and a second engine that managed the
 * packet filter would take the first one's rules away: so the bridge gets its own.
 */
function rules({ bridge, subnet }: PodNetwork): readonly (readonly string[])[] {
  return [
    ['filter', 'FORWARD', '-i', bridge, '-j', 'ACCEPT'],
    ['filter', 'FORWARD', '-o', bridge, '-j', 'ACCEPT'],
    ['nat', 'POSTROUTING', '-s', subnet, '!', '-o', bridge, '-j', 'MASQUERADE'],
  ]
}

const at = ([table = '', chain = '', ...match]: readonly string[], action: '-I' | '-D') => [
  '-t',
  table,
  action,
  chain,
  ...match,
]

/**
 * Free loopback ports, all different. Below the range that the kernel gives to whoever does not ask for a number, so
 * that nobody's outgoing connection takes one between now and its use.
 */
export async function freePorts<Name extends string>(
  ...names: readonly Name[]
): Promise<Readonly<Record<Name, number>>> {
  const taken = new Set<number>()
  const ports: Partial<Record<Name, number>> = {}
  for (const name of names) {
    let port: number
    do port = 20_000 + Math.floor(Math.random() * 10_000)
    while (taken.has(port) || !(await isFree(port)))
    taken.add(port)
    ports[name] = port
  }
  return ports as Record<Name, number>
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
