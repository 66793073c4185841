import { closest } from '../suggest'
import type { Layer } from './layer'

/** Fields of a service (Compose specification, "Services") that Berth reads. */
export const serviceFields: readonly string[] = [
  'image',
  'build',
  'command',
  'configs',
  'container_name',
  'depends_on',
  'entrypoint',
  'env_file',
  'environment',
  'expose',
  'extends',
  'healthcheck',
  'hostname',
  'init',
  'links',
  'network_mode',
  'networks',
  'ports',
  'profiles',
  'restart',
  'secrets',
  'stdin_open',
  'tmpfs',
  'tty',
  'user',
  'volumes',
  'volumes_from',
  'working_dir',
]

const limits = 'only memory, processors and processes are limited'
const network = "every service shares the workspace's network"

/** The known fields that it does not, each with the reason that the user is told. */
export const refusedServiceFields: Readonly<Record<string, string>> = {
  annotations: 'containers have no annotations but those of Berth',
  attach: "each service's log is there to be looked at, whether or not it is attached",
  blkio_config: limits,
  cgroup_parent: 'control groups are made as the target does it',
  cpu_count: limits,
  cpu_percent: limits,
  cpu_period: limits,
  cpu_quota: limits,
  cpu_rt_period: limits,
  cpu_rt_runtime: limits,
  cpu_shares: limits,
  cpuset: limits,
  credential_spec: 'it is for containers of Windows',
  develop: 'the source is in the workspace itself, so nothing has to be synchronised',
  dns: network,
  dns_opt: network,
  dns_search: network,
  domainname: network,
  external_links: 'only services of the same definition are reached by name',
  gpus: 'devices are not passed on',
  isolation: 'it is for containers of Windows',
  label_file: 'containers have no labels but those of Berth',
  logging: "the target keeps the services' logs in its own way",
  mac_address: network,
  mem_reservation: 'what is kept free for the workspace is said by "hostRequirements" in devcontainer.json',
  mem_swappiness: limits,
  models: 'models are not run',
  oom_kill_disable: limits,
  oom_score_adj: limits,
  pids_limit: "the workspace's processes are not counted",
  platform: 'an image is used for the machine that runs it',
  post_start: 'commands in a service are not run by others; put them into its own command',
  pre_stop: 'commands in a service are not run by others; put them into its own command',
  provider: 'services are containers only',
  pull_policy: 'an image is fetched when it is not there yet',
  read_only: 'the root file system can be written',
  runtime: 'containers are run as the target usually runs them',
  scale: 'each service runs once',
  stop_grace_period: 'the target decides how long a stop may take',
  stop_signal: "a stop uses the image's own signal",
  storage_opt: limits,
  use_api_socket: "the engine's own socket is not given to containers",
}

/** Names what is not applied of an object, the unknown among it with what was probably meant. */
export function refuseUnknown(
  layers: readonly Layer[],
  applied: readonly string[],
  refused: Readonly<Record<string, string>>,
): void {
  const told = new Set<string>()
  for (const layer of layers) {
    for (const [name, value] of layer.fields()) {
      if (applied.includes(name) || name.startsWith('x-') || value.type === 'null' || told.has(name)) continue
      told.add(name)
      const reason = Object.hasOwn(refused, name) ? refused[name] : undefined
      if (reason) value.ignore(reason)
      else {
        const meant = closest(name, [...applied, ...Object.keys(refused)])
        value.ignore(`unknown field${meant ? `; did you mean "${meant}"?` : ''}`)
      }
    }
  }
}
