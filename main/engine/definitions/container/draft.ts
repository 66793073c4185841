import { isIP } from 'node:net'
import { type ContainerOptions, maximumRights, type Right, uniqueRights } from '#contract'
import { shorten, type Value } from '../document/value'
import { closest } from '../suggest'
import {
  capabilities,
  capabilityName,
  deviceOf,
  deviceRuleOf,
  extraHostOf,
  processorsOf,
  sizeOf,
  sysctlOf,
  ulimitNames,
  ulimitOf,
} from './values'

/** What can be said of a container, by the names that `docker run` has for it. */
export type Setting =
  | 'add-host'
  | 'cap-add'
  | 'cap-drop'
  | 'cgroupns'
  | 'cpus'
  | 'device'
  | 'device-cgroup-rule'
  | 'dns'
  | 'dns-option'
  | 'dns-search'
  | 'group-add'
  | 'hostname'
  | 'ipc'
  | 'label'
  | 'memory'
  | 'memory-swap'
  | 'network'
  | 'pid'
  | 'privileged'
  | 'security-opt'
  | 'shm-size'
  | 'sysctl'
  | 'ulimit'
  | 'userns'
  | 'uts'

type Lists = 'extraHosts' | 'dns' | 'dnsSearch' | 'dnsOptions' | 'ulimits' | 'groups' | 'capabilitiesDropped'

/** Of one list. */
const maximumItems = 200

/** By these Berth and others know their own containers. */
const reservedLabel =
  /^(?:berth\.dev\/|app\.kubernetes\.io\/|(?:com|io)\.docker\.|org\.dockerproject\.|devcontainer\.)/

const securityOptions = ['apparmor', 'label', 'no-new-privileges', 'seccomp', 'systempaths']

/** Reasons for which a namespace that is neither the machine's nor a container's usual one is not made. */
const otherNamespace: Readonly<Record<string, string>> = {
  network: 'workspaces and their services have a network of their own, and no other is joined',
  pid: 'the processes of other containers are not shared',
  ipc: 'shared memory is not shared with other containers',
  uts: 'the host name is not shared with other containers',
  userns: 'users are numbered as the engine does it',
  cgroup: 'control groups are made as the engine does it',
}

/** What several places of a definition say of its container, on its way to {@link ContainerOptions}. */
export class ContainerDraft {
  readonly #origin: string | undefined
  readonly #rights: Right[] = []
  readonly #options: Omit<ContainerOptions, 'rights' | 'allowed'> = {}

  /** `origin`: who asks, where that is not the definition's own file. */
  constructor(origin?: string) {
    this.#origin = origin?.slice(0, 500)
  }

  /**
   * Takes one setting as `docker run` would. `place` is where it stands: what is not applied is named there. Throws
   * `definition-invalid` for what Docker would refuse.
   */
  take(setting: Setting, text: string, place: Value): void {
    switch (setting) {
      case 'privileged':
        this.#right('privileged', '', place)
        break
      case 'cap-add':
      case 'cap-drop':
        this.#capability(setting, text, place)
        break
      case 'security-opt':
        this.#security(text, place)
        break
      case 'device':
        // A name such as vendor.com/class=name is looked up by the engine (Container Device Interface).
        if (!text.startsWith('/') && text.includes('='))
          place.ignore('devices are passed on by their paths only')
        else this.#right('device', checked(deviceOf(text), place, 'a device such as /dev/fuse'), place)
        break
      case 'device-cgroup-rule':
        this.#right('deviceRule', checked(deviceRuleOf(text), place, 'a rule such as "c 42:* rmw"'), place)
        break
      case 'sysctl':
        this.#right(
          'sysctl',
          checked(sysctlOf(text), place, 'a setting such as net.core.somaxconn=1024'),
          place,
        )
        break
      case 'network':
      case 'pid':
      case 'ipc':
      case 'uts':
      case 'userns':
        this.#namespace(setting, text, place)
        break
      case 'cgroupns':
        this.#namespace('cgroup', text, place)
        break
      case 'hostname':
        if (!/^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$/.test(text))
          throw place.mustBe('a host name of at most 63 letters, digits, "-" and "."')
        this.#options.hostname = text
        break
      case 'label':
        this.#label(text, place)
        break
      case 'shm-size':
        this.#options.shmSize = checked(sizeOf(text), place, 'a size such as 1g')
        break
      case 'memory':
        this.#options.memory = checked(sizeOf(text), place, 'a size such as 4g')
        break
      case 'memory-swap':
        this.#options.memorySwap =
          text.trim() === '-1' ? -1 : checked(sizeOf(text), place, 'a size such as 4g')
        break
      case 'cpus':
        this.#options.cpus = checked(processorsOf(text), place, 'a number of processors such as 1.5')
        break
      case 'add-host':
        this.#add(
          'extraHosts',
          checked(extraHostOf(text), place, 'a name and an address such as db:10.0.0.5'),
          place,
        )
        break
      case 'ulimit': {
        const example = `a limit such as nofile=1024:2048, of ${ulimitNames.join(', ')}`
        if (text === 'host') place.ignore('it is of Podman; limits are named one by one')
        else this.#add('ulimits', checked(ulimitOf(text), place, example), place)
        break
      }
      case 'group-add':
        if (text === 'keep-groups') place.ignore('it is of Podman; groups are named one by one')
        else this.#add('groups', checked(word(text), place, 'the name or number of a group'), place)
        break
      case 'dns':
        this.#add(
          'dns',
          checked(isIP(text) > 0 ? text : undefined, place, 'the address of a name server'),
          place,
        )
        break
      case 'dns-search':
        this.#add('dnsSearch', checked(word(text), place, 'a domain'), place)
        break
      case 'dns-option':
        this.#add('dnsOptions', checked(word(text), place, 'an option of resolv.conf'), place)
        break
    }
  }

  /** Undefined where nothing was said. */
  options(): ContainerOptions | undefined {
    if (this.#rights.length === 0 && Object.keys(this.#options).length === 0) return undefined
    return { ...this.#options, rights: uniqueRights(this.#rights) }
  }

  #right(kind: Right['kind'], value: string, place: Value): void {
    if (this.#rights.length >= maximumRights)
      throw place.wrong(`A workspace asks for at most ${maximumRights} rights.`)
    this.#rights.push({ kind, value, ...(this.#origin === undefined ? {} : { origin: this.#origin }) })
  }

  #add<K extends Lists>(list: K, item: NonNullable<ContainerOptions[K]>[number], place: Value): void {
    const items = (this.#options[list] ?? []) as (typeof item)[]
    if (items.length >= maximumItems) throw place.wrong(`There can be at most ${maximumItems} of these.`)
    this.#options[list] = [...items, item] as ContainerOptions[K]
  }

  #label(text: string, place: Value): void {
    const at = text.indexOf('=')
    const name = at < 0 ? text : text.slice(0, at)
    if (!/^[\x21-\x7e]{1,200}$/.test(name)) throw place.mustBe('a label such as com.example.team=web')
    if (reservedLabel.test(name)) {
      place.ignore('labels that begin so are those of Berth, or of the engine')
      return
    }
    const labels = { ...this.#options.labels, [name]: at < 0 ? '' : text.slice(at + 1) }
    if (Object.keys(labels).length > maximumItems)
      throw place.wrong(`There can be at most ${maximumItems} labels.`)
    this.#options.labels = labels
  }

  #capability(setting: 'cap-add' | 'cap-drop', text: string, place: Value): void {
    const name = capabilityName(text)
    if (!(capabilities as readonly string[]).includes(name)) {
      const meant = closest(name, capabilities)
      place.ignore(`there is no capability ${shorten(text)}${meant ? `; did you mean "${meant}"?` : ''}`)
    } else if (setting === 'cap-add') this.#right('capability', name, place)
    else this.#add('capabilitiesDropped', name, place)
  }

  #security(text: string, place: Value): void {
    const [, name = text, value = ''] = /^([a-z-]+)[=:](.*)$/s.exec(text.trim()) ?? []
    if (name === 'no-new-privileges') {
      if (value !== 'false') this.#options.noNewPrivileges = true
    } else if (name === 'seccomp' && value !== 'unconfined') {
      if (value !== 'builtin') place.ignore('a profile in a file is not read; the usual one stays')
    } else if (securityOptions.includes(name) && word(value)) {
      this.#right('securityOption', `${name}=${value}`, place)
    } else if (['mask', 'unmask', 'proc-opts'].includes(name)) {
      place.ignore(`${name} is a security option of Podman`)
    } else {
      const meant = closest(name, securityOptions)
      place.ignore(`there is no security option ${shorten(text)}${meant ? `; did you mean "${meant}"?` : ''}`)
    }
  }

  #namespace(name: string, text: string, place: Value): void {
    if (text === 'host') this.#right('namespace', name, place)
    else if (!['', 'private', 'default', 'bridge'].includes(text))
      place.ignore(otherNamespace[name] ?? 'it is not shared')
  }
}

/** Text of a line without white space. */
function word(text: string): string | undefined {
  return /^[^\s\0]{1,200}$/.test(text) ? text : undefined
}

function checked<T>(found: T | undefined, place: Value, wanted: string): T {
  if (found === undefined) throw place.mustBe(wanted)
  return found
}
