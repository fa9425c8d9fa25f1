// Bytes and the spellings of ids.
import { sha256 as hash } from '@noble/hashes/sha2.js'

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'
const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

export class PeerFault extends Error {} // what a peer sent is not what the specification allows

export function require (condition, complaint) {
  if (!condition) throw new PeerFault(complaint)
}

export const ascii = text => new TextEncoder().encode(text)

export const hex = bytes => Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')

export function unhex (text) {
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => parseInt(text.slice(2 * i, 2 * i + 2), 16))
}

export function concat (...parts) {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

export function compare (a, b) {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    if (a[i] !== b[i]) return a[i] - b[i]
  }
  return a.length - b.length
}

export const equal = (a, b) => compare(a, b) === 0

// sha256 of a domain (its zero byte included by the caller) and what follows it.
export const sha256 = (domain, ...parts) => hash(concat(ascii(domain), ...parts))

export function bigEndian (value, length) {
  const out = new Uint8Array(length)
  for (let i = length - 1; i >= 0; i--) {
    out[i] = Number(value & 0xffn)
    value >>= 8n
  }
  return out
}

export const fromBigEndian = bytes => bytes.reduce((value, byte) => value << 8n | BigInt(byte), 0n)

export const littleEndian = (value, length) => bigEndian(value, length).reverse()

export const fromLittleEndian = bytes => fromBigEndian(bytes.slice().reverse())

// Text form of an id: base32, lower case, no padding.
export function idText (id) {
  let bits = 0
  let held = 0
  let text = ''
  for (const byte of id) {
    held = held << 8 | byte
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += BASE32[held >> bits & 31]
    }
    held &= (1 << bits) - 1
  }
  return bits ? text + BASE32[held << 5 - bits & 31] : text
}

export function idFromText (text) {
  require(text.length === 52, 'an id has 52 characters')
  let value = 0n
  for (const letter of text) {
    const digit = BASE32.indexOf(letter)
    require(digit >= 0, 'not base32')
    value = value << 5n | BigInt(digit)
  }
  const id = bigEndian(value >> 4n, 32)
  require(idText(id) === text, 'not the canonical spelling of an id')
  return id
}

// The PeerId of an Ed25519 key: base58btc of an identity multihash.
export function peerIdText (publicKey) {
  let value = fromBigEndian(concat(unhex('002408011220'), publicKey))
  let text = ''
  for (; value > 0n; value /= 58n) text = BASE58[Number(value % 58n)] + text
  return '1' + text // the multihash begins with one zero byte
}

// The key inside a PeerId; null if it is not that of an Ed25519 key.
export function peerKey (text) {
  let value = 0n
  for (const letter of text) {
    const digit = BASE58.indexOf(letter)
    if (digit < 0) return null
    value = value * 58n + BigInt(digit)
  }
  if (text.length !== 52 || value >= 1n << 304n) return null
  const key = bigEndian(value, 38).slice(6)
  return peerIdText(key) === text ? key : null
}
