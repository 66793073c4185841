import { imageDefinition } from '#contract'
import type { WorkspaceSpec } from '../../driver'

/** For tests: a workspace of Debian as `dev`, changed as asked. */
export function specOf(
  fields: Partial<WorkspaceSpec> = {},
  definition: Partial<WorkspaceSpec['definition']> = {},
): WorkspaceSpec {
  return {
    id: 'tabcdefghi',
    name: 'app',
    owner: 'Ann Ö. <ann@example.org>',
    source: { kind: 'image', image: 'debian:bookworm' },
    definition: {
      ...imageDefinition('debian:bookworm', 'app'),
      ...definition,
    },
    image: {
      reference: 'debian:bookworm',
      id: 'sha256:1',
      user: { name: 'dev', uid: 1000, gid: 1001, home: '/home/dev', shell: '/bin/bash' },
      env: { PATH: '/usr/bin:/bin' },
      hasShell: true,
      built: false,
      services: {},
      imageUser: '',
    },
    createdAt: 1_700_000_000_000,
    ...fields,
  }
}
