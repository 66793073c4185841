import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What the kubelet limits pods with. */
const usedControllers = ['cpu', 'cpuset', 'memory', 'pids', 'hugetlb']

/**
 * Makes the control group below which all of a cluster's pods run, in every hierarchy that the machine has (one with
 * version 2, one for each controller with version 1). The kubelet wants it to be there.
 */
export async function makeControlGroup(name: string): Promise<void> {
  for (const { path, version } of await hierarchies()) {
    await mkdir(join(path, name), { recursive: true })
    if (version === 1 && existsSync(join(path, name, 'cpuset.cpus'))) {
      // Empty in a new group, and nothing can run in a group without processors and memory.
      for (const file of ['cpuset.cpus', 'cpuset.mems']) {
        await writeFile(join(path, name, file), await readFile(join(path, file)))
      }
    }
    if (version === 2) {
      for (const folder of [path, join(path, name)]) await passDownControllers(folder)
    }
  }
}

/** Removes it with all groups below; they must be empty of processes. */
export async function removeControlGroup(name: string): Promise<void> {
  for (const { path } of await hierarchies()) await removeTree(join(path, name))
}

/** Paths of what is left of it. */
export async function controlGroupPaths(name: string): Promise<string[]> {
  return (await hierarchies()).map(({ path }) => join(path, name)).filter((path) => existsSync(path))
}

/** With version 2 a group hands each controller on to the groups below it only where it says so. */
async function passDownControllers(folder: string): Promise<void> {
  const words = async (file: string) => (await readFile(join(folder, file), 'utf8')).split(/\s+/)
  const passed = await words('cgroup.subtree_control')
  for (const controller of await words('cgroup.controllers')) {
    if (!usedControllers.includes(controller) || passed.includes(controller)) continue
    await writeFile(join(folder, 'cgroup.subtree_control'), `+${controller}`)
  }
}

async function hierarchies(): Promise<{ path: string; version: 1 | 2 }[]> {
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n').map((line) => line.split(' '))
  return mounts
    .filter(([, , type]) => type === 'cgroup' || type === 'cgroup2')
    .map(([, path = '', type]) => ({ path, version: type === 'cgroup2' ? 2 : 1 }))
}

async function removeTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(ignoreMissing)) {
    if (entry.isDirectory()) await removeTree(join(folder, entry.name))
  }
  // A group is busy for a moment after its last process has ended.
  const deadline = Date.now() + 60_000
  for (;;) {
    try {
      await rmdir(folder).catch(ignoreMissing)
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || Date.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): [] {
  if (error.code === 'ENOENT') return []
  throw error
}
