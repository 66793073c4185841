import type { Look } from './look'

/** What may differ between a container of a Docker engine and a pod, and why. */
export interface Allowed {
  readonly subject: RegExp
  readonly why: string
}

/** In every workspace. */
export const allowedEverywhere: readonly Allowed[] = [
  {
    subject: /^env (?:HOSTNAME|KUBERNETES_\w+)$/,
    why: 'a pod has a name of its own, and hears of the API server',
  },
  {
    subject: /^env (?:BERTH_\w+|GIT_CONFIG_\w+|SSH_AUTH_SOCK|_|SHLVL)$/,
    why: "Berth's own, and of each process",
  },
  {
    subject:
      /^mount \/(?:proc|sys|dev|etc\/(?:hosts|hostname|resolv\.conf)|(?:usr\/)?sbin\/docker-init)(?:\/|$)/,
    why: "the runtime's own",
  },
  { subject: /^mount \/$/, why: "the runtime's own" },
  { subject: /^mount \/run\/secrets(?:\/|$)/, why: "the runtime's own" },
  { subject: /^file \/tmp$/, why: 'nobody minds when it was last written to' },
  {
    subject: /^privileges$/,
    why: 'a pod keeps to the Pod Security levels: fewer capabilities, and none that could be gained',
  },
  { subject: /^user of the first process$/, why: 'all of a pod runs as whoever works in it' },
  {
    subject: /^told mounts$/,
    why: "a cluster's volumes of that name are the workspace's own, unless a claim has it",
  },
]

/** After a start: an engine keeps a container and all of its files, a cluster makes a new pod. */
export const allowedAfterStart: readonly Allowed[] = [
  {
    subject: /^file \/(?:tmp|var\/tmp)\//,
    why: 'of a pod that was stopped only source, home and volumes stay',
  },
]

/** What a start changes of one and the same workspace that it should not, a line each. */
export function changesByStart({ made, again }: { readonly made: Look; readonly again: Look }): string[] {
  // Start commands write to the home, and what runs in a pod makes its files outside of volumes anew.
  const changes = /^(?:told |env (?:_|BERTH_EXEC)$|file (?:\/tmp(?:\/|$)|\/(?:root|home\/\w+)\/seen\/))/
  return [...new Set([...Object.keys(made), ...Object.keys(again)])]
    .filter((subject) => made[subject] !== again[subject] && !changes.test(subject))
    .map((subject) => `${subject}: ${JSON.stringify(made[subject])}, then ${JSON.stringify(again[subject])}`)
}

/** Where two looks differ and may not, a line each; `unused`: what is allowed and does not differ. */
export function differencesOf(
  docker: Look,
  cluster: Look,
  allowed: readonly Allowed[] = [],
): { readonly lines: string[]; readonly unused: string[] } {
  const lines: string[] = []
  const used = new Set<Allowed>()
  for (const subject of [...new Set([...Object.keys(docker), ...Object.keys(cluster)])].sort()) {
    const [left, right] = [docker[subject], cluster[subject]]
    if (left === right) continue
    const fits = [...allowedEverywhere, ...allowed].filter((one) => one.subject.test(subject))
    for (const one of fits) used.add(one)
    const shown = (text: string | undefined) => (text === undefined ? 'nothing' : JSON.stringify(text))
    if (fits.length === 0) lines.push(`${subject}: ${shown(left)} on Docker, ${shown(right)} on the cluster`)
  }
  return { lines, unused: allowed.filter((one) => !used.has(one)).map(({ why }) => why) }
}
