import { basename } from 'node:path'

/** How to log in again for the plugins that most clusters of a cloud use, by the name of their program. */
const HINTS: Readonly<Record<string, string>> = {
  aws: 'Log in to AWS again, for instance with "aws sso login", and see that AWS_PROFILE is the right one.',
  'aws-iam-authenticator':
    'Log in to AWS again, for instance with "aws sso login", and see that AWS_PROFILE is the right one.',
  'gke-gcloud-auth-plugin': 'Log in to Google Cloud again with "gcloud auth login".',
  gcloud: 'Log in to Google Cloud again with "gcloud auth login".',
  kubelogin: 'Log in to Azure again with "az login".',
  doctl: 'Log in to DigitalOcean again with "doctl auth init".',
  oci: 'Log in to Oracle Cloud again with "oci session authenticate".',
  tsh: 'Log in to Teleport again with "tsh login".',
}

/** What to do when a plugin fails. Its arguments are not shown: they may hold secrets. */
export function hintFor(command: string): string {
  const program = basename(command).replace(/\.exe$/i, '')
  const hint = Object.hasOwn(HINTS, program) ? HINTS[program] : undefined
  return (
    hint ??
    'Log in with the tool that the plugin belongs to. "kubectl auth whoami" in a terminal runs the plugin the same way.'
  )
}
