// Envelopes: opening, checking and sealing records (record-v1.md).
import { ascii, concat, equal, fromBigEndian, require, sha256 } from './bytes.js'
import { decode, encode, map } from './codec.js'
import { isStrict, verify } from './ed25519.js'
import { KINDS, bytes, fields, id, integer, optional, anyMap, text } from './kinds.js'

const DOMAIN = 'consilience/record/v1\0'
const CHECKS = {
  author: id,
  swarm: id,
  kind: text(32),
  chain: bytes(16),
  seq: integer(0n, 2n ** 63n - 1n),
  prev: optional(id),
  time: integer(0n, 2n ** 53n),
  payload: anyMap
}
const BODY = fields(CHECKS, body => (body.prev === null) === (body.seq === 0n))
const BODY_WITH_WORK = fields({ ...CHECKS, work: bytes(8) }, body => (body.prev === null) === (body.seq === 0n))

export function swarmId (name, workBits = 0) {
  if (workBits === 0) return sha256('consilience/swarm/v1\0', ascii(name))
  return sha256('consilience/swarm/v1/work\0', [workBits], ascii(name))
}

export const recordId = body => sha256(DOMAIN, body)

export const recipeId = recipe => sha256('consilience/recipe/v1\0', encode(recipe))

export const trackId = manifest => sha256('consilience/track/v1\0', encode(manifest))

export const commitment = (claim, author, secret) => sha256('consilience/commitment/v1\0', claim, author, secret)

// Body and signature of an envelope's bytes.
export function split (raw) {
  const parts = decode(raw)
  require(Array.isArray(parts) && parts.length === 3, 'not an envelope')
  const [version, body, signature] = parts
  require(version === 1n, 'another version')
  require(body instanceof Uint8Array && signature instanceof Uint8Array && signature.length === 64, 'not an envelope')
  return { body, signature }
}

// Everything about a record but whether its signature holds.
export function openEnvelope (raw, swarm, workBits = 0) {
  const { body, signature } = split(raw)
  const found = decode(body)
  anyMap(found, 'body')
  const check = found.has('work') ? BODY_WITH_WORK : BODY
  check(found, 'body')
  const { author, kind, chain, seq, prev, time, payload, swarm: theirs } = Object.fromEntries(found)
  require(equal(theirs, swarm), 'signed for another swarm')
  require(isStrict(author, signature), 'key or signature is not in strict form')
  require(Object.hasOwn(KINDS, kind), `unknown kind ${kind}`)
  KINDS[kind](payload, kind)
  const identifier = recordId(body)
  require(hasWork(identifier, workBits), 'lacks the proof of work of this swarm')
  return { raw, body, signature, id: identifier, author, kind, chain, seq, prev, time, payload }
}

const hasWork = (identifier, bits) => (fromBigEndian(identifier) & (1n << BigInt(bits)) - 1n) === 0n

export const signatureHolds = record => verify(record.author, concat(ascii(DOMAIN), record.body), record.signature)

// Sign a record. `key` has `author` (32 bytes) and `sign(message)`; `tip` is { chain, seq, prev } of the record before.
export async function seal (kind, payload, key, swarm, tip, time) {
  const body = encode(map({
    author: key.author, swarm, kind, chain: tip.chain, seq: tip.seq + 1n, prev: tip.prev, time: BigInt(time), payload
  }))
  const signature = await key.sign(concat(ascii(DOMAIN), body))
  return openEnvelope(encode([1n, body, signature]), swarm)
}
