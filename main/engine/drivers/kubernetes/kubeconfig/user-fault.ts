import type { User } from './model'

export interface UserFault {
  readonly cause: string
  readonly remedy?: string
}

/** Providers that were once built into kubectl, and what took their place (Kubernetes 1.26 removed them). */
const REMOVED: Readonly<Record<string, UserFault>> = {
  gcp: {
    cause: 'Its user logs in with the auth-provider "gcp", which Kubernetes has removed.',
    remedy:
      'Install the gke-gcloud-auth-plugin ("gcloud components install gke-gcloud-auth-plugin"), then run "gcloud container clusters get-credentials" for this cluster.',
  },
  azure: {
    cause: 'Its user logs in with the auth-provider "azure", which Kubernetes has removed.',
    remedy: 'Install kubelogin ("az aks install-cli"), then run "kubelogin convert-kubeconfig".',
  },
}

const OLD_EXEC = 'client.authentication.k8s.io/v1alpha1'
const EXEC_VERSIONS = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1']

/** What can be seen to be wrong with a user's entry without trying it. The words hold nothing secret. */
export function userFault(user: User): UserFault | undefined {
  const { exec, authProvider, impersonate } = user
  if ((user.certFile ?? user.certData) && !(user.keyFile ?? user.keyData)) {
    return { cause: 'Its user has a client certificate and no client key.' }
  }
  if (impersonate && impersonate.user === undefined) {
    return { cause: 'Its user impersonates groups, a uid or extra fields, and no user ("as").' }
  }
  if (authProvider && authProvider.name !== 'oidc') {
    return (
      REMOVED[authProvider.name] ?? {
        cause: `Its user logs in with the auth-provider "${authProvider.name}", which Berth does not know.`,
        remedy: 'Use a credential plugin ("exec") in its place.',
      }
    )
  }
  if (exec && authProvider)
    return { cause: 'Its user has both a credential plugin ("exec") and an auth-provider.' }
  if (exec && !EXEC_VERSIONS.includes(exec.apiVersion)) {
    return {
      cause: `Its credential plugin "${exec.command}" is to speak ${exec.apiVersion}, which ${
        exec.apiVersion === OLD_EXEC ? 'Kubernetes has removed' : 'Berth does not know'
      }.`,
      remedy: `Update the plugin and make the entry anew with its tool (for Amazon EKS: "aws eks update-kubeconfig"), or set its apiVersion to ${EXEC_VERSIONS[1]}.`,
    }
  }
  return undefined
}
