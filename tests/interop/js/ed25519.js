// Ed25519 under the strict rule of record-v1.md, section 4. WebCrypto verifies without the cofactor; what
// libraries disagree about is decided here, before it is asked.
import { fromLittleEndian } from './bytes.js'

const P = 2n ** 255n - 19n
const L = 2n ** 252n + 27742317777372353535851937790883648493n
const E = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n
const SMALL = new Set([0n, 1n, P - 1n, E, P - E])
const SIGN = 1n << 255n

export function isStrict (publicKey, signature) {
  if (publicKey.length !== 32 || signature.length !== 64) return false
  if (fromLittleEndian(signature.subarray(32)) >= L) return false
  return [publicKey, signature.subarray(0, 32)].every(point => {
    const y = fromLittleEndian(point) & ~SIGN
    return y < P && !SMALL.has(y)
  })
}

export async function verify (publicKey, message, signature) {
  if (!isStrict(publicKey, signature)) return false
  try {
    const key = await crypto.subtle.importKey('raw', publicKey, { name: 'Ed25519' }, false, ['verify'])
    return await crypto.subtle.verify({ name: 'Ed25519' }, key, signature, message)
  } catch (error) {
    if (error instanceof DOMException) return false // the key is no point of the curve
    throw error
  }
}
