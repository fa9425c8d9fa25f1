// What two sets tell each other about themselves: digest, lanes, coded symbols, ranges (sync-v1.md, sections 2 to 4).
import { bigEndian, compare, concat, fromLittleEndian, hex, littleEndian, require, sha256 } from './bytes.js'

const MASK = (1n << 64n) - 1n
export const MAX_SYMBOLS = 16384
const WAYS = 16

function mix (x) {
  x = (x ^ x >> 30n) * 0xbf58476d1ce4e5b9n & MASK
  x = (x ^ x >> 27n) * 0x94d049bb133111ebn & MASK
  return x ^ x >> 31n
}

const words = bytes => [fromLittleEndian(bytes.subarray(0, 8)), fromLittleEndian(bytes.subarray(8, 16))]

function mixed (prefix, [k0, k1]) {
  const [a, b] = words(prefix)
  return mix(mix(mix(a ^ k0) + b & MASK) ^ k1)
}

export const swarmKeys = swarm => words(sha256('consilience/sync/v1\0', swarm))

export const prefixOf = id => id.slice(0, 16)

export const checkOf = (prefix, keys) => mixed(prefix, keys)

export function digest (checks) {
  const sum = checks.reduce((total, check) => total + mix(check ^ 0xa0761d6478bd642fn), 0n)
  return littleEndian(sum & MASK, 8)
}

// The first `count` lanes (32 or 128), packed as 9-bit numbers.
export function lanes (checks, count) {
  const sums = new Array(count).fill(0n)
  for (const check of checks) {
    const low = mix(check ^ 0xe7037ed1a0b428dbn)
    const high = mix(check ^ 0x8ebc6af09c88c6e3n)
    for (let i = 0; i < count; i++) {
      const word = i < 64 ? low : high
      sums[i] += word >> BigInt(i % 64) & 1n ? 1n : -1n
    }
  }
  const packed = sums.reduce((bits, sum) => bits << 9n | sum & 511n, 0n)
  return bigEndian(packed, count * 9 / 8)
}

// The numbers of the symbols, below `end`, that hold an item with this check.
export function * symbolsOf (check, end) {
  let r = check
  let i = 0
  while (i < end) {
    yield i
    r = r * 0xda942042e4dd58b5n & MASK
    const step = Math.ceil((i + 1.5) * (4294967296 / Math.sqrt(Number(r) + 1) - 1))
    i += Math.min(2 ** 40, Math.max(1, step))
  }
}

// A run of coded symbols: prefix sums (128-bit), check sums, and counts modulo 256.
export class Symbols {
  constructor (keys) {
    this.keys = keys
    this.sums = []
    this.checks = []
    this.counts = []
  }

  get length () {
    return this.sums.length
  }

  // The first `count` symbols of a set, given as [prefix, check] pairs.
  static of (items, keys, count) {
    const symbols = new Symbols(keys)
    symbols.sums = new Array(count).fill(0n)
    symbols.checks = new Array(count).fill(0n)
    symbols.counts = new Array(count).fill(0)
    for (const [prefix, check] of items) symbols.add(fromLittleEndian(prefix), check, 1)
    return symbols
  }

  add (prefix, check, sign) {
    for (const i of symbolsOf(check, this.length)) {
      this.sums[i] ^= prefix
      this.checks[i] ^= check
      this.counts[i] = this.counts[i] + sign & 255
    }
  }

  // Another run from the wire, behind what is here.
  append (wire) {
    const count = wire.length / 25
    for (let i = 0; i < count; i++) {
      this.sums.push(fromLittleEndian(wire.subarray(16 * i, 16 * i + 16)))
      this.checks.push(fromLittleEndian(wire.subarray(16 * count + 8 * i, 16 * count + 8 * i + 8)))
      this.counts.push(wire[24 * count + i])
    }
  }

  wire () {
    return concat(
      ...this.sums.map(sum => littleEndian(sum, 16)),
      ...this.checks.map(check => littleEndian(check, 8)),
      Uint8Array.from(this.counts)
    )
  }

  // What `this` has and `own` lacks, and the other way round, as prefixes; `complete` if nothing is left over.
  difference (own) {
    const rest = new Symbols(this.keys)
    rest.sums = this.sums.map((sum, i) => sum ^ own.sums[i])
    rest.checks = this.checks.map((check, i) => check ^ own.checks[i])
    rest.counts = this.counts.map((count, i) => count - own.counts[i] & 255)
    return rest.peel()
  }

  peel () {
    const theirs = []
    const ours = []
    for (let round = 16 + 2 * Math.sqrt(this.length); round > 0; round--) {
      let found = false
      for (let i = 0; i < this.length; i++) {
        const sign = this.counts[i]
        if (sign !== 1 && sign !== 255) continue
        const prefix = littleEndian(this.sums[i], 16)
        const check = this.checks[i]
        if (checkOf(prefix, this.keys) !== check || !holds(check, i)) continue
        this.add(this.sums[i], check, -sign)
        if (sign === 1) theirs.push(prefix)
        else ours.push(prefix)
        found = true
      }
      if (!found) break
    }
    const complete = this.sums.every((sum, i) => sum === 0n && this.checks[i] === 0n && this.counts[i] === 0)
    return { theirs, ours, complete }
  }
}

function holds (check, index) {
  for (const i of symbolsOf(check, index + 1)) if (i === index) return true
  return false
}

// A set in the order of ranges: `records` have `time` (BigInt) and `id`.
export class Ordered {
  constructor (records, askingHalf, answeringHalf) {
    const salt = sha256('consilience/ranges/v1\0', askingHalf, answeringHalf).slice(0, 16)
    const keys = words(salt)
    this.salt = salt
    this.items = records.map(record => {
      const prefix = prefixOf(record.id)
      return { key: concat(bigEndian(record.time, 8), prefix), prefix, sum: mixed(prefix, keys) }
    })
    this.items.sort((a, b) => compare(a.key, b.key))
  }

  // Elements with low <= key < high; bounds count as if filled up with zero bytes.
  within (low, high) {
    const [from, to] = [low, high].map(bound => concat(bound, new Uint8Array(24 - bound.length)))
    return this.items.filter(({ key }) => compare(key, from) >= 0 && (high.length === 0 || compare(key, to) < 0))
  }

  fingerprint (low, high) {
    return this.within(low, high).reduce((sum, item) => sum + item.sum, 0n) & MASK
  }

  // What differs in a range, after the answering side's description: prefixes that only one side has, and the
  // ranges that must be asked about next.
  differ (low, high, part) {
    if (part instanceof Uint8Array) {
      const theirs = new Map()
      for (let at = 0; at < part.length; at += 16) theirs.set(hex(part.slice(at, at + 16)), part.slice(at, at + 16))
      const ours = new Map(this.within(low, high).map(({ prefix }) => [hex(prefix), prefix]))
      return {
        theirs: [...theirs].filter(([name]) => !ours.has(name)).map(([, prefix]) => prefix),
        ours: [...ours].filter(([name]) => !theirs.has(name)).map(([, prefix]) => prefix),
        ranges: []
      }
    }
    const [bounds, sums] = cut(part, low, high)
    const edges = [low, ...bounds, high]
    const ranges = []
    for (let i = 0; i < WAYS; i++) {
      const sum = fromLittleEndian(sums.slice(8 * i, 8 * i + 8).reverse())
      if (sum !== this.fingerprint(edges[i], edges[i + 1])) ranges.push([edges[i], edges[i + 1]])
    }
    return { theirs: [], ours: [], ranges }
  }
}

// The bounds and fingerprints of a cut; the bounds lie in order inside the range.
function cut (part, low, high) {
  const [bounds, sums] = part
  const padded = bound => concat(bound, new Uint8Array(24 - bound.length))
  let last = padded(low)
  for (const bound of bounds) {
    require(compare(padded(bound), last) > 0, 'bounds grow strictly')
    last = padded(bound)
  }
  require(high.length === 0 || compare(last, padded(high)) < 0, 'bounds lie inside the range')
  return [bounds, sums]
}
