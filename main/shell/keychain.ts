import { safeStorage } from 'electron'
import { problem } from '#contract/problem'

/** Encrypts small secrets with a key that the system keeps for this user. Each verb throws a Problem where it cannot. */
export interface Keychain {
  encrypt(secret: string): Uint8Array
  decrypt(sealed: Uint8Array): string
}

/** The system's keychain. Must not be called before Electron is ready. */
export function createKeychain(): Keychain {
  return {
    encrypt(secret) {
      requireKeychain()
      return safeStorage.encryptString(secret)
    },
    decrypt(sealed) {
      requireKeychain()
      try {
        return safeStorage.decryptString(Buffer.from(sealed))
      } catch (error) {
        throw problem(
          {
            code: 'keychain-unavailable',
            title: 'A stored secret could not be read',
            cause: 'The system’s keychain gave another key than the one it was stored with.',
            remedy: 'Enter the secret again.',
          },
          error,
        )
      }
    },
  }
}

/** On Linux without a keychain service Chromium would use a key that is the same everywhere; that is no keychain. */
function requireKeychain(): void {
  const weak = process.platform === 'linux' && safeStorage.getSelectedStorageBackend() === 'basic_text'
  if (safeStorage.isEncryptionAvailable() && !weak) return
  throw problem({
    code: 'keychain-unavailable',
    title: 'The system’s keychain cannot be used',
    cause:
      'Berth stores secrets only where the system keeps them encrypted for you, and found no such service.',
    remedy:
      process.platform === 'linux'
        ? 'Install and unlock gnome-keyring or KWallet, then start Berth again.'
        : 'Unlock the keychain, then start Berth again.',
  })
}
