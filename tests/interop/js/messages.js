// What each frame may hold: sync-v1.md section 1, blobs-v1.md section 2, peers-v1.md section 1.
import { peerKey, require } from './bytes.js'
import { parse } from './frames.js'
import { boolean, bytes, integer, list } from './kinds.js'

const size = integer(0n, 2n ** 40n - 1n)

const upTo = (least, most, step = 1) => (value, name) => require(
  value instanceof Uint8Array && value.length >= least && value.length <= most && value.length % step === 0,
  `${name}: not ${least} to ${most} bytes`)

const oneLengthOf = (...lengths) => (value, name) =>
  require(value instanceof Uint8Array && lengths.includes(value.length), `${name}: not ${lengths} bytes`)

const tuple = (...checks) => (value, name) => {
  require(Array.isArray(value) && value.length === checks.length, `${name}: not ${checks.length} values`)
  checks.forEach((check, i) => check(value[i], `${name}[${i}]`))
}

const CUT = tuple(list(15, 15, upTo(1, 24)), bytes(128))
const LISTING = upTo(0, 512, 16)
const part = (value, name) => (Array.isArray(value) ? CUT : LISTING)(value, name)

const address = (value, name) =>
  require(typeof value === 'string' && /^\/[ -~]{0,255}$/.test(value), `${name}: not an address`)
const addresses = list(0, 8, address)
const peer = (value, name) => require(typeof value === 'string' && peerKey(value) !== null, `${name}: not a PeerId`)

export const SYNC_QUESTIONS = {
  0: tuple(size, bytes(8), oneLengthOf(36, 144)),
  1: tuple(integer(1n, 16384n)),
  2: tuple(upTo(16, 16384, 16)),
  3: tuple(upTo(0, Infinity)),
  4: tuple(upTo(0, 32), upTo(0, 32)),
  5: tuple(bytes(16)),
  6: tuple(list(1, 512, tuple(upTo(0, 24), upTo(0, 24))))
}
export const SYNC_ANSWERS = {
  16: tuple(),
  17: tuple(size, upTo(25, 25 * 16384, 25)),
  18: tuple(size),
  19: tuple(upTo(0, Infinity), boolean),
  20: tuple(size),
  21: tuple(bytes(16), integer(0n, 2n ** 64n - 1n)),
  22: tuple(list(0, 512, part)),
  31: tuple()
}
export const BLOB_QUESTIONS = {
  112: tuple(bytes(32)),
  113: tuple(bytes(32), integer(0n, 4095n), integer(1n, 64n))
}
export const BLOB_ANSWERS = {
  120: (value, name) => {
    tuple(integer(0n, 536870912n), upTo(0, 131072, 32))(value, name)
    require(value[1].length === 32 * Math.ceil(Number(value[0]) / 131072), `${name}: another number of digests`)
  },
  121: tuple(upTo(1, 131072)),
  122: tuple(),
  31: tuple()
}
export const ASK = { 96: tuple(addresses, integer(0n, 32n)) }
export const TELL = { 97: tuple(addresses, list(0, 32, tuple(peer, addresses))) }

// Kind and fields of a frame that is one of `messages`.
export function readMessage (messages, data) {
  const { kind, fields } = parse(data)
  require(Object.hasOwn(messages, kind), `a message of kind ${kind} does not belong here`)
  messages[kind](fields, `message ${kind}`)
  return { kind, fields }
}
