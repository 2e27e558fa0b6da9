/** What signs: text, bytes, or `whsec_` and bytes in base64, as others hand them out. Of at least 16 bytes. */
export type Secret = string | Uint8Array

const PREFIX = 'whsec_'
const FEWEST_BYTES = 16
const utf8 = new TextEncoder()

/** @throws TypeError, without telling what was given */
function secretBytes(secret: Secret): Uint8Array<ArrayBuffer> {
  const bytes = typeof secret === 'string' ? bytesOfText(secret) : secret instanceof Uint8Array ? secret : undefined
  if (bytes === undefined || bytes.length < FEWEST_BYTES) {
    throw new TypeError(`option secret must have at least ${FEWEST_BYTES} bytes: text, bytes, or ${PREFIX} and base64`)
  }
  return new Uint8Array(bytes)
}

/** @throws TypeError for none at all, or one that is none */
export function secretsOf(secret: Secret | readonly Secret[]): readonly Uint8Array<ArrayBuffer>[] {
  const secrets = Array.isArray(secret) ? (secret as readonly Secret[]) : [secret as Secret]
  if (secrets.length === 0) throw new TypeError('option secret must not be empty')
  return secrets.map(secretBytes)
}

export function hmacKey(bytes: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify'])
}

function bytesOfText(secret: string): Uint8Array | undefined {
  return secret.startsWith(PREFIX) ? fromBase64(secret.slice(PREFIX.length)) : utf8.encode(secret)
}

/** @returns undefined: it is no base64 */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
  } catch {
    return undefined
  }
}

export function toBase64(bytes: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)))
}
