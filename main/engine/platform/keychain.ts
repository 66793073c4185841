/**
 * Where this system keeps secrets for this user, encrypted and unlocked with the login. Every verb rejects with
 * `keychain-unavailable` where there is no such place, or it stays locked; what it keeps is told nowhere else.
 */
export interface Keychain {
  /** Undefined where nothing is kept by this name. */
  get(name: string): Promise<string | undefined>
  /** `label` is what the system's own program for passwords shows it as. */
  set(name: string, secret: string, label: string): Promise<void>
  /** Does nothing where there is none. */
  remove(name: string): Promise<void>
}
