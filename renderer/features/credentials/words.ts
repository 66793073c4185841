import type { Consent, Credential } from '#contract'

const wishes: Readonly<Record<Credential['kind'], string>> = {
  git: 'use your git credentials',
  ssh: 'use your SSH agent',
  gpg: 'sign with your gpg key',
}

/** What a question is about, for its title. */
export function consentTitle({ kind }: Credential, workspace: string): string {
  return `Let ${workspace} ${wishes[kind]}?`
}

/** What the workspace gets by a yes. */
export function consentEffect(credential: Credential): string {
  if (credential.kind === 'git')
    return 'It gets the user name and the password or token that git on this computer has for this server. What runs in it can then do there what you can.'
  if (credential.kind === 'gpg')
    return 'What runs in it can see which keys you have, and sign with them, such as a commit. The public part of the key is put into gpg of the workspace; the key itself stays on this computer, whose gpg may ask you for its passphrase.'
  return 'What runs in it can see which keys you have, and sign with them: to log in somewhere as you, or to sign a commit. The keys themselves stay on this computer.'
}

/** What “Allow once” is good for. */
export function onceText({ kind }: Credential): string {
  return kind === 'git' ? 'Once is for this request alone.' : 'Once is for one signature.'
}

/** The program that asks, in the words of the workspace; undefined where it says nothing. */
export function askerText({ command, process }: Pick<Consent, 'command' | 'process'>): string | undefined {
  return command || process || undefined
}
