import type { Setting } from '../container/index'

/** What becomes of an option of `docker run`. */
export type RunOption =
  /** A setting of the container. */
  | { readonly setting: Setting; readonly takes: 'value' | 'nothing' }
  | {
      readonly reads: 'env' | 'volume' | 'mount' | 'tmpfs' | 'user' | 'init' | 'gpus' | 'port'
      readonly takes: 'value' | 'nothing'
    }
  /** Not applied, for this reason. */
  | { readonly refused: string; readonly takes: 'value' | 'nothing' }
  /** Says nothing that Berth does not do anyway. */
  | { readonly silent: true; readonly takes: 'value' | 'nothing' }

const setting = (name: Setting, takes: 'value' | 'nothing' = 'value'): RunOption => ({ setting: name, takes })
const refused = (reason: string, takes: 'value' | 'nothing' = 'value'): RunOption => ({
  refused: reason,
  takes,
})
const silent = (takes: 'value' | 'nothing'): RunOption => ({ silent: true, takes })

const limits = "this limit is not set; the target's own holds"
const labels = 'the file is not read; use --label'
const ports =
  'nothing is published; ports are forwarded as soon as something listens. Use forwardPorts instead'
const network = "the workspace's network is the engine's usual one"
const logging = 'the target keeps logs in its own way'
const health = 'the workspace is ready when its own commands have ended'
const device = 'how fast a device may be used is not limited'
const podman = 'it is an option of Podman'
const user = 'commands have no terminal of docker run; Berth opens terminals of its own'

/** The options of `docker run` by their long names, and those of Podman that definitions have. */
const options: Readonly<Record<string, RunOption>> = {
  'add-host': setting('add-host'),
  annotation: refused(labels),
  attach: silent('value'),
  'blkio-weight': refused(limits),
  'blkio-weight-device': refused(limits),
  'cap-add': setting('cap-add'),
  'cap-drop': setting('cap-drop'),
  'cgroup-parent': refused('control groups are made as the engine does it'),
  cgroupns: setting('cgroupns'),
  cidfile: refused('Berth finds its containers by their labels'),
  'cpu-count': refused(limits),
  'cpu-percent': refused(limits),
  'cpu-period': refused(limits),
  'cpu-quota': refused(limits),
  'cpu-rt-period': refused(limits),
  'cpu-rt-runtime': refused(limits),
  'cpu-shares': refused(limits),
  cpus: setting('cpus'),
  'cpuset-cpus': refused(limits),
  'cpuset-mems': refused(limits),
  detach: silent('nothing'),
  'detach-keys': refused(user),
  device: setting('device'),
  'device-cgroup-rule': setting('device-cgroup-rule'),
  'device-read-bps': refused(device),
  'device-read-iops': refused(device),
  'device-write-bps': refused(device),
  'device-write-iops': refused(device),
  'disable-content-trust': refused('images are fetched as the engine does it', 'nothing'),
  dns: setting('dns'),
  'dns-opt': setting('dns-option'),
  'dns-option': setting('dns-option'),
  'dns-search': setting('dns-search'),
  domainname: refused('a host name can hold its domain: use --hostname'),
  entrypoint: refused(
    "Berth keeps the container running itself; with overrideCommand false the image's own entry point runs",
  ),
  env: { reads: 'env', takes: 'value' },
  'env-file': refused('the file may hold secrets and is not read; use containerEnv with localEnv'),
  expose: refused(ports),
  gpus: { reads: 'gpus', takes: 'value' },
  'group-add': setting('group-add'),
  'health-cmd': refused(health),
  'health-interval': refused(health),
  'health-retries': refused(health),
  'health-start-interval': refused(health),
  'health-start-period': refused(health),
  'health-timeout': refused(health),
  help: refused('it only prints a text', 'nothing'),
  hostname: setting('hostname'),
  init: { reads: 'init', takes: 'nothing' },
  interactive: silent('nothing'),
  ip: refused(network),
  ip6: refused(network),
  ipc: setting('ipc'),
  isolation: refused('it is for containers of Windows'),
  'kernel-memory': refused(limits),
  label: setting('label'),
  'label-file': refused(labels),
  link: refused('other containers are reached by their addresses; use a Compose file for services'),
  'link-local-ip': refused(network),
  'log-driver': refused(logging),
  'log-opt': refused(logging),
  'mac-address': refused(network),
  memory: setting('memory'),
  'memory-reservation': refused(limits),
  'memory-swap': setting('memory-swap'),
  'memory-swappiness': refused(limits),
  mount: { reads: 'mount', takes: 'value' },
  name: refused("the container is called by the workspace's name"),
  net: setting('network'),
  'net-alias': refused(network),
  network: setting('network'),
  'network-alias': refused(network),
  'no-healthcheck': silent('nothing'),
  'oom-kill-disable': refused(limits, 'nothing'),
  'oom-score-adj': refused(limits),
  pid: setting('pid'),
  'pids-limit': refused(limits),
  platform: refused('an image is used for the machine that runs it'),
  privileged: setting('privileged', 'nothing'),
  publish: { reads: 'port', takes: 'value' },
  'publish-all': refused(ports, 'nothing'),
  pull: refused('an image is fetched when it is not there yet, and when the workspace is rebuilt'),
  quiet: silent('nothing'),
  'read-only': refused('the root file system can be written', 'nothing'),
  restart: refused('workspaces run until you stop them'),
  // The container is kept over a stop, and goes with its workspace.
  rm: silent('nothing'),
  runtime: refused("containers run in the engine's usual runtime"),
  'security-opt': setting('security-opt'),
  'shm-size': setting('shm-size'),
  'sig-proxy': silent('nothing'),
  'stop-signal': refused('a stop ends its processes as Berth does it'),
  'stop-timeout': refused('Berth decides how long a stop may take'),
  'storage-opt': refused(limits),
  sysctl: setting('sysctl'),
  systemd: refused(podman),
  tmpfs: { reads: 'tmpfs', takes: 'value' },
  tty: silent('nothing'),
  tz: refused(podman),
  ulimit: setting('ulimit'),
  umask: refused(podman),
  'use-api-socket': refused("the engine's own socket is not passed on", 'nothing'),
  user: { reads: 'user', takes: 'value' },
  userns: setting('userns'),
  uts: setting('uts'),
  volume: { reads: 'volume', takes: 'value' },
  'volume-driver': refused("volumes are kept in the target's usual way"),
  'volumes-from': refused("another container's volumes are not taken over"),
  workdir: refused('terminals and commands start in the workspaceFolder'),
}

const shorthands: Readonly<Record<string, string>> = {
  a: 'attach',
  c: 'cpu-shares',
  d: 'detach',
  e: 'env',
  h: 'hostname',
  i: 'interactive',
  l: 'label',
  m: 'memory',
  P: 'publish-all',
  p: 'publish',
  q: 'quiet',
  t: 'tty',
  u: 'user',
  v: 'volume',
  w: 'workdir',
}

/** Every option's long name. */
export const runOptionNames: readonly string[] = Object.keys(options)

/** An option by its long name or its letter. */
export function runOption(name: string): { readonly name: string; readonly option: RunOption } | undefined {
  const long = name.length === 1 ? (Object.hasOwn(shorthands, name) ? shorthands[name] : undefined) : name
  const option = long !== undefined && Object.hasOwn(options, long) ? options[long] : undefined
  return long !== undefined && option ? { name: long, option } : undefined
}
