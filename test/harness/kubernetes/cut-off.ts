import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CuttingProxy } from '../cutting-proxy'

/** A way to a cluster that can be cut. */
export interface CutOff {
  readonly proxy: CuttingProxy
  /** Path of a kubeconfig like the given one, whose server is reached over the proxy. */
  readonly kubeconfig: string
}

/**
 * @param folder in which the new kubeconfig is written
 * @param delay milliseconds that everything takes each way
 */
export async function throughProxy(kubeconfig: string, folder: string, delay = 0): Promise<CutOff> {
  const text = readFileSync(kubeconfig, 'utf8')
  const server = /"?server"?:\s*"?([^"\s,]+)/.exec(text)?.[1]
  if (!server) throw new Error(`${kubeconfig} names no server`)
  const proxy = await CuttingProxy.start(new URL(server), delay)
  const path = join(folder, 'proxied.kubeconfig')
  writeFileSync(path, text.replace(server, proxy.url), { mode: 0o600 })
  return { proxy, kubeconfig: path }
}
