// Canonical MessagePack (record-v1.md, section 2). Integers are BigInt and floats are Number, because 1 and 1.0
// are different values; maps are Map with text keys.
import { PeerFault, bigEndian, compare, concat, equal, fromBigEndian, require } from './bytes.js'

const MAX_ITEMS = 16384
const MAX_DEPTH = 12
const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function encode (value, depth = 0) {
  if (value === null) return Uint8Array.of(0xc0)
  if (value === false) return Uint8Array.of(0xc2)
  if (value === true) return Uint8Array.of(0xc3)
  if (typeof value === 'bigint') return integer(value)
  if (typeof value === 'number') return float(value)
  if (typeof value === 'string') return string(value)
  if (value instanceof Uint8Array) {
    return concat(header(value.length, [[256, 0xc4], [65536, 0xc5], [2 ** 32, 0xc6]]), value)
  }
  require(depth < MAX_DEPTH, 'nested too deep')
  if (Array.isArray(value)) {
    const head = header(value.length, [[16, -0x90], [65536, 0xdc], [2 ** 32, 0xdd]])
    return concat(head, ...value.map(item => encode(item, depth + 1)))
  }
  require(value instanceof Map, 'a value without an encoding')
  const entries = [...value].map(([key, item]) => [string(key), utf8(key), encode(item, depth + 1)])
  entries.sort((a, b) => compare(a[1], b[1]))
  const head = header(entries.length, [[16, -0x80], [65536, 0xde], [2 ** 32, 0xdf]])
  return concat(head, ...entries.flatMap(([key, , item]) => [key, item]))
}

// A map from a plain object.
export const map = object => new Map(Object.entries(object))

const utf8 = value => new TextEncoder().encode(value)

function string (value) {
  require(typeof value === 'string', 'a key that is not text')
  const bytes = utf8(value)
  return concat(header(bytes.length, [[32, -0xa0], [256, 0xd9], [65536, 0xda], [2 ** 32, 0xdb]]), bytes)
}

// The shortest header for a length: rows of [lengths below, marker]; a negative marker holds the length itself.
function header (length, rows) {
  const [bound, marker] = rows.find(([below]) => length < below)
  if (marker < 0) return Uint8Array.of(-marker | length)
  return concat([marker], bigEndian(BigInt(length), bound === 256 ? 1 : bound === 65536 ? 2 : 4))
}

function integer (value) {
  require(value >= -(1n << 63n) && value < 1n << 64n, 'an integer out of range')
  if (value >= 0n) {
    if (value < 0x80n) return Uint8Array.of(Number(value))
    for (const [marker, size] of [[0xcc, 1], [0xcd, 2], [0xce, 4], [0xcf, 8]]) {
      if (value < 1n << BigInt(8 * size)) return concat([marker], bigEndian(value, size))
    }
  }
  if (value >= -32n) return Uint8Array.of(Number(value & 0xffn))
  for (const [marker, size] of [[0xd0, 1], [0xd1, 2], [0xd2, 4], [0xd3, 8]]) {
    const bits = BigInt(8 * size)
    if (value >= -(1n << bits - 1n)) return concat([marker], bigEndian(value & (1n << bits) - 1n, size))
  }
}

function float (value) {
  require(Number.isFinite(value) && !Object.is(value, -0), 'floats are finite and not -0.0')
  const out = new Uint8Array(9)
  out[0] = 0xcb
  new DataView(out.buffer).setFloat64(1, value)
  return out
}

// The value in `data`; PeerFault unless it is in the one canonical form and within the limits.
export function decode (data, limit = 65536) {
  require(data.length <= limit, `more than ${limit} bytes`)
  const reader = new Reader(data)
  const value = reader.value(0)
  require(reader.at === data.length, 'bytes after the value')
  require(equal(encode(value), data), 'another encoding of the same value exists')
  return value
}

class Reader {
  constructor (data) {
    this.data = data
    this.at = 0
  }

  take (count) {
    require(this.at + count <= this.data.length, 'cut short')
    this.at += count
    return this.data.subarray(this.at - count, this.at)
  }

  number (size) {
    return Number(fromBigEndian(this.take(size)))
  }

  value (depth) {
    const first = this.take(1)[0]
    if (first < 0x80) return BigInt(first)
    if (first < 0x90) return this.map(first & 15, depth)
    if (first < 0xa0) return this.array(first & 15, depth)
    if (first < 0xc0) return this.text(first & 31)
    if (first >= 0xe0) return BigInt(first - 256)
    switch (first) {
      case 0xc0: return null
      case 0xc2: return false
      case 0xc3: return true
      case 0xc4: return this.take(this.number(1)).slice()
      case 0xc5: return this.take(this.number(2)).slice()
      case 0xc6: return this.take(this.number(4)).slice()
      case 0xcb: { const bytes = this.take(8); return new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0) }
      case 0xcc: case 0xcd: case 0xce: case 0xcf: return fromBigEndian(this.take(1 << first - 0xcc))
      case 0xd0: case 0xd1: case 0xd2: case 0xd3: {
        const size = 1 << first - 0xd0
        return BigInt.asIntN(8 * size, fromBigEndian(this.take(size)))
      }
      case 0xd9: return this.text(this.number(1))
      case 0xda: return this.text(this.number(2))
      case 0xdb: return this.text(this.number(4))
      case 0xdc: return this.array(this.number(2), depth)
      case 0xdd: return this.array(this.number(4), depth)
      case 0xde: return this.map(this.number(2), depth)
      case 0xdf: return this.map(this.number(4), depth)
    }
    throw new PeerFault('a type that does not occur')
  }

  text (length) {
    try {
      return text.decode(this.take(length))
    } catch (error) {
      if (error instanceof TypeError) throw new PeerFault('text that is not UTF-8')
      throw error
    }
  }

  array (length, depth) {
    require(depth < MAX_DEPTH && length <= MAX_ITEMS, 'nested too deep, or too long')
    return Array.from({ length }, () => this.value(depth + 1))
  }

  map (length, depth) {
    require(depth < MAX_DEPTH && length <= MAX_ITEMS, 'nested too deep, or too long')
    const found = new Map()
    for (let i = 0; i < length; i++) {
      const key = this.value(depth + 1)
      require(typeof key === 'string' && !found.has(key), 'map keys are text, each once')
      found.set(key, this.value(depth + 1))
    }
    return found
  }
}
