import type { FilePreview, FileRecord, FolderListing, Transfer } from '#contract'

const hour = 3_600_000
const now = Date.now()

const entry = (name: string, fields: Partial<FileRecord> = {}): FileRecord => ({
  name,
  kind: 'file',
  size: 1_800,
  modified: now - 5 * hour,
  mode: 0o644,
  ...fields,
})

const folder = (name: string, age = 30) =>
  entry(name, { kind: 'folder', size: 4096, mode: 0o755, modified: now - age * hour })

const folders: Record<string, readonly FileRecord[]> = {
  '/workspaces/atlas': [
    folder('.devcontainer', 400),
    folder('.git', 1),
    folder('charts'),
    folder('data', 2),
    folder('node_modules', 90),
    entry('.gitignore', { size: 120 }),
    entry('app.py', { size: 6_412, modified: now - 600_000 }),
    entry('atlas.png', { size: 214_000 }),
    entry('latest.csv', { kind: 'link', target: 'file', size: 48_000_000 }),
    entry('lost', { kind: 'link' }),
    entry('model.bin', { size: 1_400_000_000, modified: now - 72 * hour }),
    entry('README.md'),
    entry(
      `a name that is so long that it cannot be shown as a whole in a narrow window ${'and on '.repeat(12)}.txt`,
    ),
    entry('b\udce4d name.txt'),
  ],
  '/workspaces/atlas/charts': [],
}

/** What a folder of nothing holds. */
export function listing(path = '/workspaces/atlas'): FolderListing {
  if (path === '/workspaces/atlas/data') {
    throw {
      code: 'permission-denied',
      title: 'The folder “data” could not be read',
      cause: 'The user of the workspace may not do that there.',
      remedy: 'Change the permissions in a terminal of the workspace, or choose another folder.',
      detail: 'open /workspaces/atlas/data: permission denied',
    }
  }
  const many = Array.from({ length: 3_000 }, (_, index) => entry(`module ${index}.js`))
  return { path, entries: [...(folders[path] ?? many)], truncated: !folders[path] }
}

/** One red pixel. */
const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=='

export function preview(path: string): FilePreview {
  if (path.endsWith('.png')) {
    const data = Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0))
    return { kind: 'image', mediaType: 'image/png', data, size: data.length }
  }
  if (path.endsWith('.bin')) return { kind: 'none', reason: 'binary', size: 1_400_000_000 }
  const line = 'import http.server  # serves the tides of the week\n'
  return { kind: 'text', text: line.repeat(200), truncated: true, size: 6_412_000 }
}

const transfer = (id: string, fields: Partial<Transfer>): Transfer => ({
  id,
  workspaceId: 'watlas0001',
  direction: 'download',
  name: 'model.bin',
  items: 1,
  to: '/home/maria/Downloads',
  state: 'running',
  files: 0,
  bytes: 412_000_000,
  total: 1_400_000_000,
  skipped: [],
  skippedCount: 0,
  startedAt: now - 60_000,
  ...fields,
})

export const transfers: readonly Transfer[] = [
  transfer('t1', {}),
  transfer('t2', {
    direction: 'upload',
    name: 'photos',
    items: 3,
    to: '/workspaces/atlas',
    state: 'waiting',
    files: 1_204,
    startedAt: now - 50_000,
  }),
  transfer('t3', {
    direction: 'upload',
    name: 'notes.txt',
    to: '/workspaces/atlas',
    state: 'done',
    files: 1,
    bytes: 900,
    endedAt: now,
    startedAt: now - 90_000,
  }),
  transfer('t4', {
    state: 'failed',
    name: 'charts',
    endedAt: now,
    startedAt: now - 40_000,
    problem: {
      code: 'disk-full',
      title: '/home/maria/Downloads/charts could not be copied',
      cause: 'The disk of this machine is full.',
      remedy: 'Make room, then try again: it goes on where it was.',
    },
  }),
]
